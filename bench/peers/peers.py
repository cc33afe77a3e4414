"""The same pairs and sets as `npm run bench:peers` measures, by the Python packages: read from the folder given, written to its answers.json.

Every batch call is the package's own. Times are medians and bests of several runs, in nanoseconds an item; answers are sums that the caller compares.
"""
import json
import os
import statistics
import struct
import sys
import time

folder = sys.argv[1]
out = {"python": sys.version.split()[0], "packages": {}, "figures": [], "missing": []}


def package(name):
    try:
        module = __import__(name)
        import importlib.metadata

        out["packages"][name] = importlib.metadata.version(name)
        return module
    except Exception as error:  # whatever it is, the caller is told
        out["missing"].append({"package": name, "why": f"{type(error).__name__}: {error}"})
        return None


def sequences(name):
    """u32 count, then count times (u32 length, u32[length])."""
    data = open(os.path.join(folder, name), "rb").read()
    (count,) = struct.unpack_from("<I", data, 0)
    at, found = 4, []
    for _ in range(count):
        (length,) = struct.unpack_from("<I", data, at)
        found.append(struct.unpack_from(f"<{length}I", data, at + 4))
        at += 4 + 4 * length
    return found


def timed(name, items, answer, run, rounds=5):
    run()
    times = []
    for _ in range(rounds):
        start, worked = time.perf_counter_ns(), time.process_time_ns()
        value = run()
        # What the program worked, not what others took of its core: as on our side.
        times.append(min(time.perf_counter_ns() - start, time.process_time_ns() - worked) / items)
    out["figures"].append({"name": name, "items": items, "nanoseconds": statistics.median(times), "best": min(times), "answer": answer(value)})


# Asked for 0.8, or for 0.8 - 1e-9, rapidfuzz 3.14 leaves out pairs of exactly 0.8, which it computes and counts without a cutoff. A little lower
# they stay; no ratio of these lengths lies in between.
EPSILON = 1e-4
rapidfuzz = package("rapidfuzz")
numpy = package("numpy")
if rapidfuzz and numpy:
    from rapidfuzz import process
    from rapidfuzz.distance import Indel, LCSseq

    queries, candidates = sequences("token-queries.bin"), sequences("token-candidates.bin")
    pairs = len(queries) * len(candidates)
    for cutoff in (0, 0.7):
        timed(
            f"rapidfuzz LCSseq, cutoff {cutoff}",
            pairs,
            lambda matrix: int(matrix.astype("int64").sum()),
            lambda: process.cdist(queries, candidates, scorer=LCSseq.similarity, workers=1, dtype=numpy.uint32)
            if cutoff == 0
            else process.cdist(queries, candidates, scorer=Indel.normalized_similarity, score_cutoff=cutoff - EPSILON, workers=1, dtype=numpy.float64) > 0,
        )
    for kind in ("short", "long"):
        texts = json.load(open(os.path.join(folder, f"{kind}.json"), encoding="utf-8"))
        pairs = len(texts["queries"]) * len(texts["candidates"])
        for cutoff in (0, 0.8):
            timed(
                f"rapidfuzz ratio, {kind}, cutoff {cutoff}",
                pairs,
                lambda matrix: int((matrix >= cutoff - 1e-9).sum()) if cutoff else int(numpy.floor(matrix * 2**20).astype("int64").sum()),
                lambda: process.cdist(
                    texts["queries"], texts["candidates"], scorer=Indel.normalized_similarity, score_cutoff=cutoff - EPSILON if cutoff else None, workers=1, dtype=numpy.float64
                ),
            )

datasketch = package("datasketch")
words = json.load(open(os.path.join(folder, "words.json"), encoding="utf-8"))
hashes = sum(len(words_of) for words_of in words)
if datasketch:
    encoded = [[word.encode("utf-8") for word in words_of] for words_of in words]

    def sign():
        total = 0
        for words_of in encoded:
            minhash = datasketch.MinHash(num_perm=100)
            minhash.update_batch(words_of)
            total += int(minhash.hashvalues.astype("uint64").sum())
        return total

    timed("datasketch update_batch, with SHA-1", hashes, int, sign, 3)
    if numpy:
        prepared = sequences("hashes.bin")

        def sign_hashed():
            total = 0
            for values in prepared:
                minhash = datasketch.MinHash(num_perm=100, hashfunc=lambda value: value)
                minhash.update_batch(values)
                total += int(minhash.hashvalues.astype("uint64").sum())
            return total

        timed("datasketch update_batch, hashed before", hashes, int, sign_hashed, 3)

rensa = package("rensa")
if rensa:
    def sign_rensa():
        total = 0
        for words_of in words:
            minhash = rensa.RMinHash(num_perm=128, seed=42)
            minhash.update(words_of)
            total += len(minhash.digest())
        return total

    timed("rensa RMinHash update, 128 values", hashes, int, sign_rensa)

json.dump(out, open(os.path.join(folder, "answers.json"), "w"))
