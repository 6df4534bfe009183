"""What attackers try: a row for each class of vulnerability, each tried from outside, through a client."""
