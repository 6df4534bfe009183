"""``python -m podo``: the same as the ``podo`` command."""

from podo.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
