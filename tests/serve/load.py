#!/usr/bin/env python3
"""Photos a second of `fovea serve` under wrk (Debian: wrk) beside those of `fovea classify --batch 16`.

usage: load.py PROGRAM [--seconds 60] [--connections 16] [--threads 1 2] [--batch 16 1]

For each number of compute threads: the eight demo photos, forty times and more, through
`fovea classify --batch 16`; then the same eight through the server, once for each --batch. CPU seconds are those that
the server and wrk used, by the kernel's count: on a machine where both share the cores, wrk's are lost to the server.
"""
import argparse
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PHOTOS = sorted(p for p in (ROOT / "examples/photos").iterdir() if p.suffix in (".png", ".jpg"))


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def classify(program, threads, seconds):
    """Photos a second of the command, its start and the loading of its network taken out."""
    with tempfile.TemporaryDirectory() as folder:
        def run(copies):
            paths = []
            for i in range(copies):
                for photo in PHOTOS:
                    paths.append(pathlib.Path(folder) / f"{i:04}-{photo.name}")
                    if not paths[-1].exists():
                        paths[-1].symlink_to(photo)
            start = time.monotonic()
            subprocess.run([program, "classify", "--batch", "16", "--threads", str(threads), "--json", *map(str, paths)],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            return time.monotonic() - start
        few = run(2)
        copies = max(40, round(seconds / few * 2))
        return (copies - 2) * len(PHOTOS) / (run(copies) - few)


def serve(program, threads, batch, options):
    server = subprocess.Popen([program, "serve", "--port", "0", "--threads", str(threads), "--batch", str(batch)],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        url = server.stdout.readline().split()[2].rstrip("/")
        time.sleep(1)
        command = ["wrk", "-t1", f"-c{options.connections}", "-s", str(ROOT / "tests/serve/classify.lua"), "--timeout", "30s"]
        subprocess.run([*command, "-d2s", url, "--", *map(str, PHOTOS)], stdout=subprocess.DEVNULL, check=True)  # warm
        before, own = cpu_of(server.pid), cpu_of_children()
        out = subprocess.run([*command, f"-d{options.seconds}s", url, "--", *map(str, PHOTOS)], capture_output=True, text=True,
                             check=True).stdout
        line = next(line for line in out.splitlines() if line.startswith("result "))
        count, microseconds, bad, p50, p99 = map(int, line.split()[1:])
        return {"rate": count / microseconds * 1e6, "bad": bad, "p50_ms": p50 / 1e3, "p99_ms": p99 / 1e3,
                "server_cpu": cpu_of(server.pid) - before, "wrk_cpu": cpu_of_children() - own, "seconds": microseconds / 1e6}
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("program")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[16, 1])
    options = parser.parse_args()
    for threads in options.threads:
        plain = classify(options.program, threads, 10)
        print(f"{threads} compute threads: fovea classify --batch 16: {plain:.1f} photos/s", flush=True)
        for batch in options.batch:
            r = serve(options.program, threads, batch, options)
            print(f"  serve --batch {batch}: {r['rate']:.1f} photos/s, {r['rate'] / plain:.2f} of it; p50 {r['p50_ms']:.0f} ms, "
                  f"p99 {r['p99_ms']:.0f} ms; CPU in {r['seconds']:.0f} s: server {r['server_cpu']:.1f} s, wrk "
                  f"{r['wrk_cpu']:.1f} s; {r['bad']} answers were no 200", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
