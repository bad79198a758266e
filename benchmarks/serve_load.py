"""The server under load over real sockets: live streams, clips from many clients, and five times too much.

    python benchmarks/serve_load.py [--seconds 20] [--only streams|clips|overload] [--json FILE]

Each part starts its own server in a subprocess, runs for `--seconds`, and takes some 15 s more for what it compares
with: the scorer alone on all cores (`per_second`), and for the overload its recovery. The clients share the machine
with the server, as they would not in earnest; their own share of the CPU is told.

    streams   real-time WebSocket streams in pieces of 100 ms, ever more until p95 of the lag passes 300 ms
    clips     POST of 4 s clips from 32 clients, each sending the next when the last is answered
    overload  requests at 5 times what `clips` managed, whatever comes back; then one client, for the recovery
"""

import argparse
import asyncio
import json
import os
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any

from serving import RATE, Line, Server, clip, per_second, percentile, show, speech, started
from websockets.asyncio.client import connect

PIECE = 0.1  # seconds
LAG, SHARE = 0.3, 0.8
NEAR, HOP = 24_000, 0.5  # of fakemamba.StreamConfig: samples, seconds
CORES = os.cpu_count() or 1
ROOMY = {"client_rate": 1_000_000, "client_requests": 64, "client_streams": 64}


async def one_stream(server: Server, k: int, seconds: float, lags: list[float], problems: list[str]) -> None:
    """Speak in real time; the lag of an event is its arrival less the moment when its last sample was sent."""
    data = speech(seconds, 977 * k).tobytes()
    step = round(PIECE * RATE) * 2
    await asyncio.sleep(k * 0.0173 % HOP)  # not all at the same beat
    url = server.url.replace("http", "ws") + f"/v1/stream?format=s16le&rate={RATE}"
    headers = {"Authorization": f"Bearer {server.keys[k % len(server.keys)]}"}
    try:
        async with connect(url, additional_headers=headers, proxy=None, compression=None) as socket:
            ready = json.loads(await socket.recv())
            if ready["event"] != "ready":
                problems.append(ready["error"]["code"])
                return
            begin = time.perf_counter()

            async def listen() -> None:
                async for text in socket:
                    event = json.loads(text)
                    if event["event"] == "score":
                        lags.append(time.perf_counter() - begin - event["time"])
                    elif event["event"] == "error":
                        problems.append(event["error"]["code"])

            ears = asyncio.create_task(listen())
            for number, start in enumerate(range(0, len(data), step), 1):
                await asyncio.sleep(max(0.0, begin + number * PIECE - time.perf_counter()))
                await socket.send(data[start : start + step])
            await socket.send('{"type": "end"}')
            await ears
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a stream that failed
        problems.append(type(error).__name__)


async def streams_at_once(server: Server, count: int, seconds: float) -> dict[str, Any]:
    lags: list[float] = []
    problems: list[str] = []
    await asyncio.gather(*(one_stream(server, k, seconds, lags, problems) for k in range(count)))
    settled = lags[len(lags) // 10 :]  # without the first moments, when all connect at once
    return {
        "streams": count,
        "lag p50 s": percentile(settled, 50),
        "lag p95 s": percentile(settled, 95),
        "lag p99 s": percentile(settled, 99),
        "events": len(lags),
        "problems": dict(Counter(problems)),
    }


def measure_streams(seconds: float, most: int | None) -> dict[str, Any]:
    hops = per_second(CORES, 1, [4 * RATE, NEAR], min(5.0, seconds))
    allowed = hops * HOP
    steps = [20, *(round(allowed * share) for share in (0.7, 0.8, 0.85, 0.9))]
    steps = [most] if most else sorted({step for step in steps if step >= 20} | {20})
    rows = []
    with started(64, **ROOMY, max_streams=1000) as server:
        for count in steps:
            row = asyncio.run(streams_at_once(server, count, seconds)) | {"memory MB": server.memory()}
            show(f"{count} streams, {seconds:g} s in real time", row)
            rows.append(row)
            if not row["lag p95 s"] < LAG:
                break
    good = [row["streams"] for row in rows if row["lag p95 s"] < LAG and not row["problems"]]
    return {
        "scorer alone, hops/s": hops,
        "cores allow, streams": allowed,
        "streams with p95 lag < 300 ms": max(good, default=0),
        "share of what the cores allow": max(good, default=0) / allowed,
        "target": f">= 20 and >= {SHARE}",
        "steps": rows,
    }


async def clients_in_turn(server: Server, clients: int, seconds: float) -> tuple[list[float], Counter[int]]:
    times: list[float] = []
    answers: Counter[int] = Counter()
    bodies = [clip(4.0, 977 * k) for k in range(clients)]
    end = time.perf_counter() + seconds

    async def one(k: int) -> None:
        line = Line(server, server.keys[k])
        while time.perf_counter() < end:
            begin = time.perf_counter()
            status, _, _ = await line.post(bodies[k])
            times.append(time.perf_counter() - begin)
            answers[status] += 1
        line.close()

    await asyncio.gather(*(one(k) for k in range(clients)))
    return times, answers


def measure_clips(seconds: float) -> dict[str, Any]:
    alone = per_second(CORES, 4, [4 * RATE], min(5.0, seconds))
    with started(32, **ROOMY) as server:
        asyncio.run(clients_in_turn(server, 32, 1.0))
        before, begin = _cpu(), time.perf_counter()
        times, answers = asyncio.run(clients_in_turn(server, 32, seconds))
        took, used = time.perf_counter() - begin, _cpu() - before
        memory = server.memory()
    rate = answers[200] / took
    row = {
        "scorer alone, clips/s": alone,
        "server, clips/s": rate,
        "share of the scorer alone": rate / alone,
        "the clients' own share of the CPU": used / took / CORES,
        "time p50 s": percentile(times, 50),
        "time p95 s": percentile(times, 95),
        "answers": {str(status): count for status, count in answers.items()},
        "memory MB": memory,
        "target": f">= {SHARE}, p95 < 2 s, only 200",
    }
    show(f"4 s clips, 32 clients, {seconds:g} s", row)
    return row


async def flood(server: Server, rate: float, seconds: float) -> tuple[Counter[str], list[float]]:
    """Requests at a fixed rate over connections that live on, whatever comes back; (answers, memory each second)."""
    answers: Counter[str] = Counter()
    memory: list[float] = []
    body = clip(4.0)
    idle = [Line(server, server.keys[k % len(server.keys)]) for k in range(240)]
    tasks: set[asyncio.Task[None]] = set()

    async def one(line: Line) -> None:
        try:
            status, head, answer = await line.post(body)
            answers[f"{status} {'clean' if clean(status, head, answer) else 'wrong'}"] += 1
        except (OSError, EOFError, TimeoutError) as error:
            answers[type(error).__name__] += 1
        idle.append(line)

    begin, sent = time.perf_counter(), 0
    while (now := time.perf_counter() - begin) < seconds:
        while sent < now * rate and idle:
            task = asyncio.create_task(one(idle.pop(0)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        if len(memory) <= now:
            memory.append(server.memory())
        await asyncio.sleep(0.005)
    await asyncio.gather(*tasks)
    for line in idle:
        line.close()
    answers["sent"] = sent
    return answers, memory


def clean(status: int, head: bytes, body: bytes) -> bool:
    """A verdict, or a refusal that says why and when to come again."""
    answer = json.loads(body)
    if status == 200:
        return "verdict" in answer
    return status in (429, 503) and bool(answer.get("error", {}).get("message")) and b"retry-after: " in head


async def recovery(server: Server) -> float:
    """Seconds until a client is answered as quickly as on an idle server, three times running."""
    begin, quick = time.perf_counter(), 0
    line, body = Line(server, server.keys[0]), clip(4.0)
    while quick < 3 and time.perf_counter() - begin < 60:
        sent = time.perf_counter()
        status, _, _ = await line.post(body)
        quick = quick + 1 if status == 200 and time.perf_counter() - sent < 0.5 else 0
    line.close()
    return time.perf_counter() - begin


def measure_overload(seconds: float) -> dict[str, Any]:
    with started(32, **ROOMY) as server:
        asyncio.run(clients_in_turn(server, 32, 1.0))
        _, answers = asyncio.run(clients_in_turn(server, 32, min(10.0, seconds)))
        capacity = answers[200] / min(10.0, seconds)
        before = server.memory()
        found, memory = asyncio.run(flood(server, 5 * capacity, seconds))
        recovered = asyncio.run(recovery(server))
        after, errors = server.memory(), server.errors()
    half = len(memory) // 2
    answered = sum(count for name, count in found.items() if name != "sent")
    row = {
        "capacity, clips/s": capacity,
        "sent, clips/s": found["sent"] / seconds,
        "answers": dict(found),
        "without an answer": found["sent"] - answered,
        "not clean": sum(n for name, n in found.items() if name != "sent" and not name.endswith("clean")),
        "accepted, clips/s": found["200 clean"] / seconds,
        "memory MB before, middle, end, after": [round(m) for m in (before, memory[half], memory[-1], after)],
        "recovered after s": recovered,
        "internal errors": errors,
        "target": "all clean, memory flat, recovered within 5 s",
    }
    show(f"5 times the capacity, {seconds:g} s", row)
    return row


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement; 60 for the overload's target")
    parser.add_argument("--only", choices=("streams", "clips", "overload"))
    parser.add_argument("--streams", type=int, help="this many streams only")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {"cores": CORES, "seconds": options.seconds}
    if options.only in (None, "streams"):
        found["streams"] = measure_streams(options.seconds, options.streams)
        show("streams", {name: value for name, value in found["streams"].items() if name != "steps"})
    if options.only in (None, "clips"):
        found["clips"] = measure_clips(options.seconds)
    if options.only in (None, "overload"):
        found["overload"] = measure_overload(options.seconds)
    text = json.dumps(found, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
