"""The command `openrs`, which is `python -m openrs` too: its first word is a verb, or it trains a model."""

import sys

from openrs.command import usage, verbs
from openrs.errors import Mistake
from openrs.terminal import replace_characters, say, silence


def main() -> int:
    """Runs the command; where its reader closes the output, as `head` does, it ends without a word.

    Returns:
        The exit status.
    """
    replace_characters()
    try:
        status = _run(sys.argv[1:])
        sys.stdout.flush()
        return status
    except Mistake as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:  # of a verb, or before a session hears it
        say("interrupted")
        return 130
    except BrokenPipeError:
        silence()
        return 1


def _run(words: list[str]) -> int:
    if words and verbs.is_verb(words[0]):
        return verbs.run(words[0], words[1:])
    if words[:1] in (["-sc"], ["--shell-completion"]):
        from openrs.command import completion

        return completion.main(words[1:])
    if not words or {"-h", "--help"} & set(words):
        print(usage.text(words))
        return 0
    if "--version" in words:
        from importlib import metadata

        print(f"openrs {metadata.version('openrs')}")
        return 0
    from openrs.command import session  # Hydra, which no verb and no help needs

    return session.main()


if __name__ == "__main__":
    sys.exit(main())
