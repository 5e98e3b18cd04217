"""The entry point: finds the command, and turns every error into one line and an exit code."""

from __future__ import annotations

import errno
import importlib
import io
import json
import keyword
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import ModuleType

from vidcondense import __version__
from vidcondense.cli.output import Output, visible
from vidcondense.cli.parse import parse
from vidcondense.errors import Interrupted, LimitError, OutputError, UsageError, VidcondenseError
from vidcondense.launch import is_first, num_ranks
from vidcondense.options import unknown

COMMANDS = {
    "condense": "make a condensed set from a folder of videos",
    "experts": "train networks on real clips and keep their trajectories, for --match mtt",
    "compare": "condense and judge many sets, and put them in one table with intervals",
    "evaluate": "measure how well networks trained on condensed sets classify real clips",
    "pareto": "show accuracy against bytes, learned sets against compressed real clips",
    "tune": "choose options by cross-validation on the training clips, and write them as a recipe",
    "transfer": "measure retrieval, linear probe and few-shot training with networks of condensed sets",
    "motion": "measure how much condensed videos move, and whether networks look at it",
    "train": "train a network on a condensed set and keep its weights",
    "relabel": "give a condensed set the soft labels of a trained network",
    "inspect": "show what a condensed set holds, and its pictures",
    "report": "write one page about condensed sets: videos, key frames, curves, accuracies",
    "recode": "store a condensed set by another codec, and tell what that saves and changes",
    "export": "write the videos of a condensed set as files that other programs read",
    "export-model": "write a network trained on a condensed set for torch.export or ONNX, and check it",
    "merge": "store several condensed sets as one",
    "subset": "store some classes and videos of a condensed set as a set of its own",
    "import": "store the tensors of another program, such as images_best.pt, as a condensed set",
    "toy": "generate a small dataset of moving shapes to try things on",
    "data": "check a folder of videos: layout, splits, bad files, leakage",
    "datasets": "list the dataset layouts, what they look like and where the data is obtained",
    "cache": "list or clear the cache of decoded clips",
    "bench": "measure how fast this machine decodes, matches, trains and condenses",
    "doctor": "check this machine: versions, devices, decoding",
}
"""What each command does; a command's module is imported only when it is called."""

SHARED = ("condense", "evaluate")
"""The commands that several processes can work on together, started by torchrun."""

BROKEN_PIPE = 141
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: its name and options; default: those of this process.

    Returns:
        The exit code: 0 fine, 1 a bug or a failed check, 2 usage, 3 data, 4 output, 5 a limit, 6 another
        process of the same job failed, 130 or 143 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    _accept_any_text()
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except SystemExit as stop:  # of the parser: after --help, or with its own message
        return stop.code if isinstance(stop.code, int) else 2
    except BrokenPipeError:
        # Python would flush the closed pipe once more on its way out, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except Exception as error:
        return _explain(error, debug="--debug" in arguments)


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        return 0
    name, *rest = arguments
    if name == "--version":
        print(f"vidcondense {__version__}")
        return 0
    if name not in COMMANDS:
        what = "option" if name.startswith("-") else "command"
        raise UsageError(unknown(name, COMMANDS, what))
    if num_ranks() > 1 and name not in SHARED:
        raise UsageError(f"{name} is no work for torchrun ({' and '.join(SHARED)} are); start it without")
    module = module_of(name)
    kind = module.arguments_for(rest) if hasattr(module, "arguments_for") else module.Arguments
    options = parse(kind, rest, command=name)
    result = module.run(options, Output(as_json=options.shared.json, silent=not is_first()))
    if options.shared.json and is_first():
        print(json.dumps(result, allow_nan=False))
    if "error" in result:
        return _fail(result["error"], result["exit_code"])
    return 0 if result.get("ok", True) else 1


def module_of(name: str) -> ModuleType:
    """The module of a command, imported now."""
    file = f"{name}_" if keyword.iskeyword(name) else name.replace("-", "_")
    return importlib.import_module(f"vidcondense.cli.{file}")


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {summary}" for name, summary in COMMANDS.items()]
    return "\n".join(
        [
            "usage: vidcondense COMMAND [OPTIONS]",
            "",
            "Make a large video dataset tiny, and measure what the tiny one is worth.",
            "",
            *lines,
            "",
            "`vidcondense COMMAND --help` explains a command and its options; --version prints the version.",
            "",
            "To begin:",
            "  vidcondense toy runs/toy --mode scenes --train-per-class 40 --test-per-class 40",
            "  vidcondense condense runs/toy --out runs/set --num-frames 8 --size 48 --iterations 60 "
            "--model convnet3d-16",
            "  vidcondense evaluate runs/set --data runs/toy --model convnet3d-16",
        ]
    )


def _explain(error: Exception, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    known = _known(error)
    if isinstance(known, Interrupted) and num_ranks() > 1:
        # torchrun tells all to stop once one has; what is left to do here is to say so.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if known is not None:
        return _fail(str(known), known.exit_code)
    return _fail(
        f"{type(error).__name__}: {error} (this is a bug in vidcondense; "
        "run the command again with --debug and report what it prints)",
        1,
    )


def _known(error: Exception) -> VidcondenseError | None:
    """The error of ours that `error` is or stands for."""
    if isinstance(error, VidcondenseError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"the disk is full: {error}")
    out_of_memory = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
    if isinstance(error, MemoryError) or out_of_memory:
        return LimitError("out of memory; use a smaller --chunk, --real-batch, --num-frames or --size")
    return None


def _fail(message: str, code: int) -> int:
    print(f"vidcondense: error: {visible(message)}", file=sys.stderr)
    return code


def _accept_any_text() -> None:
    """Let a file name or a sign that the terminal cannot show be escaped instead of stopping the work."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
