# A private registry on this machine, which asks for a user and a password: sourced by run.sh.
# Needs docker-registry and skopeo (Debian's packages of these names) and a cluster whose nodes are in the machine's network.

can_have_registry() {
    command -v docker-registry >/dev/null && command -v skopeo >/dev/null && [ -f "$root/build/images/busybox.tar" ] &&
        password_line jane grape >/dev/null 2>&1 &&
        [ "$($kubectl get nodes -o name | wc -l)" = 1 ]  # several nodes have a network each
}

password_line() {  # USER PASSWORD: a line for htpasswd, in the cheapest bcrypt: the registry works it out at each request
    if command -v htpasswd >/dev/null; then
        htpasswd -nbB -C 4 "$1" "$2"
    else
        python3 -W ignore - "$1" "$2" <<'PYTHON'
import crypt, sys

print(sys.argv[1] + ":" + crypt.crypt(sys.argv[2], crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))
PYTHON
    fi
}

start_registry() {  # ADDRESS DIRECTORY: serves what is below the directory; it runs beside the lesson
    password_line jane grape >"$2/htpasswd"
    cat >"$2/config.yml" <<CONFIG
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $2/data}}
http: {addr: "$1"}
auth: {htpasswd: {realm: private, path: $2/htpasswd}}
CONFIG
    docker-registry serve "$2/config.yml" >"$2/log" 2>&1 &
    beside=$!
    (eventually 401 curl --silent --max-time 5 --output /dev/null --write-out '%{http_code}' "http://$1/v2/" >/dev/null) ||
        fail "the registry does not answer at $1: $(cat "$2/log")"
}

push_app() {  # IMAGE DIRECTORY: busybox with another author, so that it is an image of its own
    skopeo copy --quiet "oci-archive:$root/build/images/busybox.tar:1.28" "dir:$2/image"
    python3 - "$2/image" <<'PYTHON'
import hashlib, json, pathlib, sys

directory = pathlib.Path(sys.argv[1])
manifest = json.loads((directory / "manifest.json").read_text())
config = json.loads((directory / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
data = json.dumps({**config, "author": "jane"}).encode()
name = hashlib.sha256(data).hexdigest()
(directory / name).write_bytes(data)
manifest["config"] |= {"digest": f"sha256:{name}", "size": len(data)}
(directory / "manifest.json").write_text(json.dumps(manifest))
PYTHON
    printf '$ skopeo copy --dest-creds jane:grape dir:image docker://%s\n' "$1"
    skopeo copy --quiet --dest-tls-verify=false --dest-creds jane:grape "dir:$2/image" "docker://$1"
}
