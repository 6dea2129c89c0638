"""`goaway.memory_usage`: the memory that the library holds for peers."""

from __future__ import annotations

import asyncio

from frames import DATA, Frames

from goaway import MemoryUsage, Request, Server, memory_usage

PATIENCE = 8.0


def test_what_waits_for_the_program_is_counted() -> None:
    async def main() -> None:
        release = asyncio.Event()

        async def hold(request: Request) -> None:
            await release.wait()
            await request.respond(200, await request.read())

        server = Server(drain=0)
        server.register("POST /", hold)
        async with server.listen("127.0.0.1:0"):
            before = memory_usage()
            assert before.total == sum(before[1:]) and before.bodies == 0
            frames = await Frames.connect(server.port, PATIENCE)
            frames.greet()
            stream = frames.ask(method="POST", whole=False)
            for _ in range(4):
                frames.send(DATA, 0, stream, bytes(16_000))
            for _ in range(800):
                if memory_usage().bodies >= 64_000:
                    break
                await asyncio.sleep(0.01)
            during = memory_usage()
            assert during.bodies >= 64_000 and during.sessions > before.sessions and during.streams > before.streams
            assert during.total == sum(during[1:])
            await frames.close()
            release.set()
            for _ in range(800):
                if memory_usage().bodies == 0:
                    break
                await asyncio.sleep(0.01)
            assert memory_usage().bodies == 0
        assert memory_usage().sessions == 0
        assert isinstance(before, MemoryUsage)

    asyncio.run(main())
