"""Reading JSON by many threads: a console or an agent must not crash because two of them read the same for once."""

import subprocess
import sys

ROUNDS = 200

# In a process of its own: what is wrong here kills it.
SCRIPT = f"""
import sys, threading
import msgspec
from tandem.decoding import convert, decode

def new_type():
    part = type("Part", (msgspec.Struct,), {{"__annotations__": {{"number": int, "text": str}}}})
    members = {{"one": part, "many": list[part], "named": dict[str, part]}}
    return type("Whole", (msgspec.Struct,), {{"__annotations__": members}})

def read(kind, together):
    together.wait()
    decode('{{"one": {{"number": 1, "text": ""}}, "many": [], "named": {{}}}}', kind)
    convert({{"one": {{"number": 1, "text": ""}}, "many": [], "named": {{}}}}, kind)

sys.setswitchinterval(1e-6)
for _ in range({ROUNDS}):
    kind, together = new_type(), threading.Barrier(4)
    threads = [threading.Thread(target=read, args=(kind, together)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("read all")
"""


def test_threads_that_read_a_type_for_the_first_time_at_once_end_no_process() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "read all\n"), done.stderr
