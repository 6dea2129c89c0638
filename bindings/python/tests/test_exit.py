"""The interpreter ends in every state: it neither hangs nor crashes.

Each test is a child process. Its return code is what its program asked for,
never that of SIGABRT or SIGSEGV, and it comes in time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import List, Tuple

import pytest

PACKAGE = str(Path(__file__).resolve().parent.parent)
PATIENCE = 30.0
REPEATS = int(os.environ.get("GOAWAY_EXIT_REPEATS", "1"))

COMMON = f"""
import asyncio, os, signal, socket, sys, threading, time
sys.path.insert(0, {PACKAGE!r})
import goaway
from goaway import Server, ThreadedServer

def ask(port, path=b"/", count=1):
    "Sends a preface and requests; does not read."
    peer = socket.create_connection(("127.0.0.1", port))
    frames = b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + bytes(3) + b"\\x04" + bytes(5)
    block = b"\\x82\\x86\\x41\\x01x\\x04" + bytes([len(path)]) + path
    for number in range(count):
        frames += len(block).to_bytes(3, "big") + b"\\x01\\x05" + (2 * number + 1).to_bytes(4, "big") + block
    peer.sendall(frames)
    return peer

def handled():
    "Waits until goaway.run handles signals: then it listens, too."
    for _ in range(3000):
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            return
        time.sleep(0.01)

async def hello(request):
    await request.respond(200, b"hello")

async def hang(request):
    await asyncio.sleep(60)

def slow(request):
    time.sleep(60)

async def start(handler=hello, **options):
    server = Server(**options)
    server.register("GET /", handler)
    await server.listen("127.0.0.1:0").start()
    return server

def start_threaded(handler=lambda request: request.respond(200, b"hello")):
    server = ThreadedServer()
    server.register("GET /", handler)
    server.listen("127.0.0.1:0").start()
    return server
"""

# Name, return code, program.
STATES: List[Tuple[str, int, str]] = [
    ("imported", 0, ""),
    ("made", 0, "server = Server(); server.listen('127.0.0.1:0')"),
    ("made in a thread", 0, "server = ThreadedServer(); server.listen('127.0.0.1:0')"),
    ("no close called", 0, "asyncio.run(start())"),
    ("no close called, threads", 0, "server = start_threaded(); peer = ask(server.port)"),
    ("the server is forgotten", 0, "start_threaded(); import gc; gc.collect(); time.sleep(0.2)"),
    (
        "a request is open",
        3,
        """
async def main():
    server = await start(hang)
    global peer
    peer = ask(server.port, count=50)
    await asyncio.sleep(0.3)
    sys.exit(3)
asyncio.run(main())
""",
    ),
    (
        "a close is pending",
        4,
        """
async def main():
    server = await start(hang)
    global peer
    peer = ask(server.port)
    await asyncio.sleep(0.3)
    server.close(60)
    await asyncio.sleep(0.1)
    sys.exit(4)
asyncio.run(main())
""",
    ),
    (
        "a close is pending, threads",
        4,
        """
server = start_threaded(slow)
peer = ask(server.port)
time.sleep(0.3)
server.begin_close(60)
sys.exit(4)
""",
    ),
    (
        "an exception",
        1,
        """
async def main():
    server = await start(hang)
    global peer
    peer = ask(server.port)
    await asyncio.sleep(0.2)
    raise ValueError("on purpose")
asyncio.run(main())
""",
    ),
    (
        "an exception in handlers",
        0,
        """
async def fail(request):
    raise ValueError("on purpose")
async def main():
    server = await start(fail)
    peer = ask(server.port, count=20)
    await asyncio.sleep(0.3)
asyncio.run(main())
""",
    ),
    (
        "sys.exit in the program's own task",
        7,
        """
async def leave():
    sys.exit(7)
async def main():
    server = await start(hang)
    global peer
    peer = ask(server.port)
    await asyncio.sleep(0.1)
    asyncio.create_task(leave())
    await asyncio.sleep(30)
asyncio.run(main())
""",
    ),
    (
        "under load",
        5,
        """
async def main():
    server = await start()
    global peers
    peers = [ask(server.port, count=100) for _ in range(30)]
    await asyncio.sleep(0.05)
    sys.exit(5)
asyncio.run(main())
""",
    ),
    (
        "under load, threads",
        5,
        """
server = start_threaded()
def load():
    while True:
        try: ask(server.port, count=50).close()
        except OSError: return
threads = [threading.Thread(target=load, daemon=True) for _ in range(2)]
for thread in threads: thread.start()
time.sleep(0.5)
sys.exit(5)
""",
    ),
    (
        "daemon threads",
        0,
        "for _ in range(3):\n    threading.Thread(target=start_threaded, daemon=True).start()\ntime.sleep(0.3)",
    ),
    (
        "daemon threads that ask until the end",
        0,
        """
server = start_threaded()
def ask_on():
    while True:
        server.port
for _ in range(3):
    threading.Thread(target=ask_on, daemon=True).start()
time.sleep(0.2)
""",
    ),
    (
        "a loop in a daemon thread",
        0,
        """
threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
async def serve():
    server = await start(hang)
    global peer
    peer = ask(server.port)
    await asyncio.sleep(60)
time.sleep(0.5)
""",
    ),
    ("os._exit", 6, "server = start_threaded(slow); peer = ask(server.port); time.sleep(0.1); os._exit(6)"),
    (
        "SIGINT",
        0,
        """
def later():
    handled()
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=later).start()
report = goaway.run({"GET /": hang}, bind="127.0.0.1:0")
assert report.sessions_forced == 0
""",
    ),
    (
        "KeyboardInterrupt",
        130,
        """
serving = threading.Event()
def later():
    serving.wait(30)
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=later).start()
server = start_threaded(slow)
peer = ask(server.port)
try:
    serving.set()
    server.wait_closed()
except KeyboardInterrupt:
    sys.exit(130)
""",
    ),
    (
        "the loop is blocked, and the close is in time",
        0,
        """
async def block(request):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(2)
    assert request.server._core.report() is not None
    print("closed while blocked")
def later():
    handled()
    time.sleep(0.3)
    global peer
    peer = ask(port)
with socket.socket() as one:
    one.bind(("127.0.0.1", 0))
    port = one.getsockname()[1]
threading.Thread(target=later).start()
report = goaway.run({"GET /": block}, bind=f"127.0.0.1:{port}", drain=0.2)
assert report.sessions_forced == 1, report
""",
    ),
    (
        "fork by multiprocessing after the start",
        0,
        """
import multiprocessing
server = start_threaded()
def child():
    try:
        server.begin_close(0)
    except goaway.Error as error:
        assert error.code == "GOAWAY_ERR_FORKED", error
    else:
        os._exit(9)
    own = start_threaded()
    own.close(0)
if __name__ == "__main__":
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(10)
    assert process.exitcode == 0, process.exitcode
    assert server.close(1).sessions_forced == 0
""",
    ),
    (
        "fork, and the child leaves by sys.exit",
        0,
        """
server = start_threaded()
peer = ask(server.port)
pid = os.fork()
if pid == 0:
    sys.exit(11)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 11
assert server.is_ready
""",
    ),
    (
        "fork between the listen and the start",
        0,
        """
listening = socket.create_server(("127.0.0.1", 0))
made = goaway.ThreadedServer()
made.register("GET /", slow)
made.listen("127.0.0.1:0")
pid = os.fork()
if pid == 0:
    for call in (made.start, lambda: made.listen("127.0.0.1:0")):
        try:
            call()
        except goaway.Error as error:
            assert error.code == "GOAWAY_ERR_FORKED", error.code
        else:
            raise AssertionError("it is the child's")
    own = goaway.ThreadedServer()
    own.register("GET /", slow)
    own.listen(f"fd:{listening.fileno()}")
    own.start()
    assert own.is_ready and own.port == listening.getsockname()[1]
    own.close(0)
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
made.start()
assert made.is_ready
made.close(0)
""",
    ),
    (
        "fork before the start",
        0,
        """
pid = os.fork()
server = start_threaded()
server.close(0)
if pid:
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
""",
    ),
]


def run_child(program: str, *, common: str = COMMON) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "ignore::DeprecationWarning", "-c", common + program],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize(("code", "program"), [state[1:] for state in STATES], ids=[state[0] for state in STATES])
def test_the_interpreter_ends(code: int, program: str) -> None:
    for _ in range(REPEATS):
        began = time.monotonic()
        child = run_child(program)
        assert child.returncode == code, f"{child.returncode}\n{child.stdout}{child.stderr}"
        for complaint in (
            "Fatal Python error",
            "was destroyed but it is pending",
            "never awaited",
            "Exception ignored",
        ):
            assert complaint not in child.stderr, child.stderr
        assert time.monotonic() - began < 20


def test_a_sub_interpreter_is_refused() -> None:
    program = f"""
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
try:
    one = interpreters.create("legacy")
except TypeError:
    one = interpreters.create()
code = '''
import sys
sys.path.insert(0, {PACKAGE!r})
try:
    import goaway
except ImportError as error:
    print("refused:", error, flush=True)
'''
print(interpreters.run_string(one, code))
"""
    child = run_child(program, common="")
    assert child.returncode == 0, child.stderr
    assert "refused:" in child.stdout and "interpreter" in child.stdout, child.stdout + child.stderr
    import goaway

    assert goaway.version()


def test_the_library_is_looked_for_and_the_error_names_each_place(tmp_path: Path) -> None:
    environment = {**os.environ, "GOAWAY_LIBRARY": str(tmp_path / "none.so")}
    program = f"import sys; sys.path.insert(0, {PACKAGE!r}); import goaway"
    child = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert child.returncode == 1 and "none.so: there is no such file" in child.stderr


def test_a_server_may_be_freed_while_somebody_waits_for_its_end() -> None:
    program = """
from goaway import _native
for _ in range(30):
    core = _native.Core()
    core.listen("127.0.0.1:0")
    core.start()
    threads = [threading.Thread(target=core.wait_ended, args=(0.05,)) for _ in range(3)]
    threads += [threading.Thread(target=core.free) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert core.report() is None
"""
    child = run_child(program)
    assert child.returncode == 0, child.stderr
