"""The first lines of Python in a pod: reads the worker's program, compares its SHA-256 with the digest in the command,
and runs the very bytes that it compared. Arguments: DIGEST, a file or stdin:LENGTH, then the program's own."""

import json
import sys

try:
    from hashlib import sha256
except ImportError:
    said = "The Python of the image has no SHA-256, by which the program is compared. Nothing was run."
    print(json.dumps({"event": "refusal", "code": "no-python", "message": said}), flush=True)
    sys.exit(1)

digest, source, *arguments = sys.argv[1:]
program = b""
try:
    if source.startswith("stdin:"):  # it can't be closed before the answer comes, so its length says where it ends
        program = sys.stdin.buffer.read(int(source[6:]))
    else:
        with open(source, "rb") as file:
            program = file.read()
except OSError:
    pass
if sha256(program).hexdigest() != digest:
    said = "The program in the pod is not the one that was sent: its SHA-256 differs. Nothing was run."
    print(json.dumps({"event": "refusal", "code": "digest-mismatch", "message": said}), flush=True)
    sys.exit(1)
sys.argv = [source, *arguments]
exec(compile(program, "ownership.py", "exec"), {"__name__": "__main__"})  # noqa: S102 - it is what was compared
