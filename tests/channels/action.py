#!/usr/bin/env python3
"""Runs the steps of action.yml in a project, as GitHub's runner would: action.py PROJECT"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

root = pathlib.Path(__file__).resolve().parents[2]
action = yaml.safe_load((root / "action.yml").read_text())
project = pathlib.Path(sys.argv[1]).resolve()


def run(inputs):
    """Exit code of the job, what it printed, and the steps that were handed to other actions."""
    given = {name: str(about.get("default", "")) for name, about in action["inputs"].items()}
    unknown = set(inputs) - set(given)
    assert not unknown, unknown
    given.update(inputs)
    context = {f"inputs.{name}": value for name, value in given.items()}
    context["github.action_path"] = str(root)
    said, used = "", []

    def filled(text):
        return re.sub(r"\$\{\{\s*(\S+)\s*\}\}", lambda found: context[found[1]], str(text))

    with tempfile.TemporaryDirectory() as folder:
        for step in action["runs"]["steps"]:
            condition = step.get("if")
            if condition and not eval(
                re.sub(r"inputs\.([\w-]+)", lambda found: repr(given[found[1]]), condition).replace("&&", "and"), {}
            ):
                continue
            if "uses" in step:
                used.append((step["uses"], {key: filled(value) for key, value in step["with"].items()}))
                continue
            outputs = pathlib.Path(folder) / "outputs"
            outputs.write_text("")
            environment = dict(os.environ, RUNNER_TEMP=folder, GITHUB_OUTPUT=str(outputs), GITHUB_PATH=os.devnull)
            environment.update({key: filled(value) for key, value in step.get("env", {}).items()})
            done = subprocess.run(
                # How the runner starts `shell: bash`.
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", filled(step["run"])],
                cwd=project / filled(step.get("working-directory", ".")),
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            said += done.stdout
            for line in outputs.read_text().splitlines():
                name, value = line.split("=", 1)
                context[f"steps.{step['id']}.outputs.{name}"] = value
            if done.returncode:
                return done.returncode, said, used
    return 0, said, used


def expect(what, is_so, said):
    print(f"{'ok' if is_so else 'NOT OK'}: {what}")
    if not is_so:
        sys.exit(said)


code, said, used = run({"upload": "true"})
expect("findings fail the job", code == 1, said)
expect("findings are annotations", "::warning file=supabase/migrations/20240102000000_drop.sql,line=2" in said, said)
sarif = project / "dblsp.sarif"
expect("findings are written for code scanning", "drop-column" in sarif.read_text(), said)
uploaded = [given["sarif_file"] for name, given in used if "upload-sarif" in name]
expect("and uploaded before the job fails", uploaded == ["./dblsp.sarif"], used)
sarif.unlink()

code, said, used = run({"sarif": "", "fail-on": "error"})
expect("what is milder does not", code == 0, said)
expect("nothing is written or uploaded unasked", not sarif.exists() and not used, used)

code, said, used = run({"paths": "supabase/migrations/20240101000000_notes.sql supabase/migrations"})
expect("paths are told apart", code == 1 and "drop-column" in said, said)
code, said, used = run({"since": "HEAD"})
expect("a revision limits what is judged", code == 1, said)
code, said, used = run({"paths": "gone"})
expect("what is wrong with the inputs fails the job with its own code", code == 2 and "gone" in said, said)
