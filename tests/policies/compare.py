"""Asks the policy engine (ashlar-policies) and the second evaluator the same, and requires that they
agree: first on the hand cases of src/iam/tests/policy_cases.txt, where both must say what is written
there, then on random policies and requests. Ends with 0 when there was no difference, with 3 when
there was one.

    compare.py --program build/release/bin/ashlar-policies --pairs 1000000 [--seed 1] [--workers 2]
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import random
import subprocess
import sys
import time

import generator
from second_evaluator import Request, compile_policy, is_public

ROOT = pathlib.Path(__file__).resolve().parents[2]
REQUESTS_OF_A_POLICY = 50
BATCH_POLICIES = 500
LETTERS = {"a": "allow", "d": "deny", "n": "none"}
# Each answer must be this much of all, so that a difference can show.
SHARE_MIN = 0.2
DIFFERENT = 3


def policy_line(bucket, document):
    return f"P\t{'bucket' if bucket else 'identity'}\t{json.dumps(document, ensure_ascii=False)}"


def request_line(action, resource, caller, context):
    pairs = [f"{key}={value}" for key, values in context.items() for value in values]
    return "\t".join(["R", action, resource, *caller, *pairs])


def ask(program, lines):
    done = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True,
                          encoding="utf-8", check=False)
    if done.returncode != 0:
        sys.exit(f"{program} ended with {done.returncode}: {done.stderr[-1000:]}")
    return done.stdout.splitlines()


def batch(program, seed):
    """(how often each answer came, differences) of BATCH_POLICIES policies."""
    chance = random.Random(seed)
    cases, lines = [], []
    for _ in range(BATCH_POLICIES):
        bucket, document = generator.policy(chance)
        requests = [generator.request(chance) for _ in range(REQUESTS_OF_A_POLICY)]
        cases.append((bucket, document, requests))
        lines.append(policy_line(bucket, document))
        lines.extend(request_line(*request) for request in requests)
    counts, differences = collections.Counter(), []
    for (bucket, document, requests), answer in zip(cases, ask(program, lines), strict=True):
        visibility, _, letters = answer.partition(" ")
        if visibility not in ("public", "private") or len(letters) != len(requests):
            differences.append(f"seed {seed}: {json.dumps(document)}\n  {answer}")
            continue
        if is_public(document) != (visibility == "public"):
            differences.append(f"seed {seed}: {json.dumps(document)}\n  {visibility}, but not for the second")
        decide = compile_policy(document)
        for (action, resource, caller, context), letter in zip(requests, letters, strict=True):
            second = decide(Request(action, resource, *caller, context))
            counts[second] += 1
            if second != LETTERS[letter]:
                differences.append(f"seed {seed}: {policy_line(bucket, document)}\n  "
                                   f"{request_line(action, resource, caller, context)}\n  "
                                   f"the engine: {LETTERS[letter]}, the second evaluator: {second}")
    return counts, differences


def filled(statement, bucket):
    """The defaults that the head of policy_cases.txt tells."""
    defaults = {"Effect": "Allow", "Action": "s3:*" if bucket else "*",
                "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"] if bucket else "*"}
    if bucket:
        defaults["Principal"] = "*"
    return statement | {field: value for field, value in defaults.items()
                        if field not in statement and "Not" + field not in statement}


def hand_request(words):
    action, resource, caller, context = "s3:ListBucket", "arn:aws:s3:::b", ("", "", ""), {}
    for word in words.split():
        if word.startswith("@"):
            account = "222222222222" if word in ("@root2", "@carol") else "111111111111"
            name = "root" if word.startswith("@root") else f"user/{word[1:]}"
            if word != "@anon":
                caller = (account, f"arn:aws:iam::{account}:{name}", generator.CANONICAL[account])
        elif "=" in word:
            key, _, value = word.partition("=")
            context.setdefault(key, []).append(value.replace("~", " "))
        elif word.lower().startswith(("s3:", "iam:")):
            action = word
        else:
            resource = word if word.startswith("arn:") or word == "*" else "arn:aws:s3:::" + word
    return action, resource, caller, context


def hand_cases(program):
    """(how many, differences) of the cases that were written by hand."""
    count, differences, lines, expected = 0, [], [], []
    for line in (ROOT / "src/iam/tests/policy_cases.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if not line.startswith(" "):
            kind, _, text = line.partition(": ")
            bucket, given = kind.endswith("bucket"), json.loads(text)
            statements = [filled(each, bucket) for each in (given if isinstance(given, list) else [given])]
            document = {"Version": "2008-10-17" if kind.startswith("old-") else "2012-10-17",
                        "Statement": statements}
            decide = compile_policy(document)
            lines.append(policy_line(bucket, document))
            expected.append("")
            continue
        words, _, effect = line.rpartition("-> ")
        request = hand_request(words)
        second = decide(Request(*request[:2], *request[2], request[3]))
        if second != effect:
            differences.append(f"{json.dumps(document)}\n  {words}: the second evaluator: {second}")
        lines.append(request_line(*request))
        expected[-1] += effect[0]
        count += 1
    policies = [line for line in lines if line.startswith("P")]
    for policy, answer, letters in zip(policies, ask(program, lines), expected, strict=True):
        if answer.partition(" ")[2] != letters:
            differences.append(f"{policy}\n  the engine: {answer}, expected: {letters}")
    return count, differences


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--random-only", action="store_true", help="no hand cases")
    options = parser.parse_args()
    started = time.monotonic()
    differences = []
    if not options.random_only:
        count, differences = hand_cases(options.program)
        print(f"hand cases: {count}, {len(differences)} differences")
    batches = -(-options.pairs // (BATCH_POLICIES * REQUESTS_OF_A_POLICY))
    counts = collections.Counter()
    with concurrent.futures.ProcessPoolExecutor(options.workers) as pool:
        seeds = [options.seed * 1_000_000 + i for i in range(batches)]
        for batch_counts, batch_differences in pool.map(batch, [options.program] * batches, seeds):
            counts += batch_counts
            differences += batch_differences
    total = counts.total()
    shares = {effect: counts[effect] / max(total, 1) for effect in LETTERS.values()}
    for difference in differences[:5]:
        print(difference)
    print(f"random: {total} pairs of {batches * BATCH_POLICIES} policies in "
          f"{time.monotonic() - started:.0f} s: " +
          ", ".join(f"{effect} {share:.0%}" for effect, share in shares.items()))
    print(f"{len(differences)} differences")
    if min(shares.values()) < SHARE_MIN:
        print(f"an answer has less than {SHARE_MIN:.0%} of all: the cases do not meet")
        return 1
    return DIFFERENT if differences else 0


if __name__ == "__main__":
    sys.exit(main())
