"""How h11 divides bytes into requests.

Standard input has messages, each behind its length in four bytes; standard
output gets, of each, lines in hexadecimal: M method target, F name value, B
content of a request that is whole, X why it was refused, and a dot.
"""

import sys
from collections.abc import Iterator

import h11


def head(request: h11.Request) -> list[str]:
    fields = [f"F {name.hex()} {value.hex()}" for name, value in request.headers.raw_items()]
    return [f"M {request.method.hex()} {request.target.hex()}", *fields]


def read(message: bytes) -> Iterator[str]:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(message)
    lines: list[str] = []
    content = b""
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            yield f"X {str(error).encode().hex()}"
            return
        if isinstance(event, h11.Request):
            lines, content = head(event), b""
        elif isinstance(event, h11.Data):
            content += event.data
        elif isinstance(event, h11.EndOfMessage):
            yield from lines
            yield f"B {content.hex()}"
            # Not 200, which would open a tunnel.
            connection.send(h11.Response(status_code=404, headers=[("content-length", "0")]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is not h11.DONE:
                return
            connection.start_next_cycle()
        else:
            return


def main() -> None:
    stream = sys.stdin.buffer
    while length := stream.read(4):
        for line in read(stream.read(int.from_bytes(length, "big"))):
            print(line)
        print(".")


main()
