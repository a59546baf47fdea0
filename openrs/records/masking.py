"""Secrets in texts that are written or shown: passwords in URLs, values of variables, values of options.

    postgresql+psycopg://me:secret@host/db     postgresql+psycopg://me:***@host/db
    https://token@host/v1?api_key=secret       https://***@host/v1?api_key=***
    hydra.job.env_set.HF_TOKEN=secret          hydra.job.env_set.HF_TOKEN=***

What is masked is for people and tables; a run's recipe, its identity, is never passed through here.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

MASK = "***"
_WORDS = r"(?:password|passwd|passphrase|pass|pwd|secret|token|key|apikey|credentials?)"
SECRET = re.compile(rf"(?i)(?:^|[^a-z]){_WORDS}(?:[^a-z]|$)|password|passwd|secret|apikey")
"""Finds the name of a secret: HF_TOKEN, wandb-api-key, PGPASSWORD; not max_new_tokens or keyboard."""
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
"""The name of an environment variable, as engine.api_key holds one; it is no secret."""
SHELLS = ("PWD", "OLDPWD")
"""Variables of shells that hold folders."""
_PASSWORD = re.compile(r"(://[^\s/?#:@]*):\S*@")
"""From the first colon of a URL's user to the last @, as a password may hold @, / and : unescaped."""
_WHOLE = re.compile(r"([\w+.\-]+://[^\s/?#:@]*):[^\n]*@")
"""The same of a text that begins with the URL, where a password may hold blanks too."""
_USER = re.compile(r"(https?://)[^\s/?#:@]+@")
"""A user of a web address without a password is a token."""
_QUERY = re.compile(r"([?&;])([^\s?&;=#]+)=([^\s&;#]+)")
_OPTION = re.compile(r"([+~]*[\w.@/\-]+)=(.+)", re.DOTALL)
_ENTRY = re.compile(r"""([{,]\s*['"]?)([\w.\-]+)(['"]?\s*:\s*)("[^"]*"|'[^']*'|[^,}\s]+)""")
"""An entry of a group in Hydra's grammar."""
SHORTEST, LONG = 4, 8
"""Characters that a variable's value has to be looked for in texts; one that is not long must stand alone."""


def masked(value: Any, environment: Mapping[str, str] | None = None) -> Any:
    """A text, or the texts of lists and dictionaries, with secrets as `***`.

    Args:
        environment: the variables whose secrets are looked for; None takes this process's own.
    """
    secrets = _secrets(os.environ if environment is None else environment)
    return _masked(value, secrets)


def masked_option(text: str, environment: Mapping[str, str] | None = None) -> str:
    """A word of a command line; of NAME=VALUE the value too, if the name is that of a secret."""
    if option := _OPTION.fullmatch(text):
        name, value = option.groups()
        value = _ENTRY.sub(lambda at: f"{at[1]}{at[2]}{at[3]}{_of_key(at[2], at[4], at[4])}", value)
        return f"{name}={_of_key(name.split('.')[-1], value, masked(value, environment))}"
    return str(masked(text, environment))


def covered(value: Any) -> tuple[Any, str]:
    """A value with its secrets masked, and the secrets as a text from which `uncover` puts them back."""
    shown = masked(value)
    return shown, json.dumps(list(_differences(value, shown, [])))


def uncover(value: Any, secrets: str) -> None:
    """Puts secrets back into a value that was read from JSON."""
    for (*above, last), secret in json.loads(secrets):
        node = value
        for key in above:
            node = node[key]
        node[last] = secret


def _differences(value: Any, shown: Any, path: list[Any]) -> Iterator[tuple[list[Any], str]]:
    """Place and secret of each text that is masked."""
    if isinstance(value, str) and value != shown:
        yield path, value
    elif isinstance(value, dict | list | tuple):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _differences(value[key], shown[key], [*path, key])


def _secrets(environment: Mapping[str, str]) -> list[str]:
    """The values of variables with the name of a secret, the longest first."""
    named = {value for name, value in environment.items() if SECRET.search(name) and name not in SHELLS}
    values = [value for value in named if len(value) >= SHORTEST]
    return sorted(values, key=len, reverse=True)


def _masked(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        return _text(value, secrets)
    if isinstance(value, dict):
        return {key: _of_key(key, item, _masked(item, secrets)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item, secrets) for item in value]
    return value


def _of_key(key: Any, value: Any, masked_value: Any) -> Any:
    """The value of a key: none is shown where the key is a secret's."""
    shown = not isinstance(value, str) or not value or VARIABLE.fullmatch(value) or value.startswith("${")
    return masked_value if shown or value == "null" or not SECRET.search(str(key)) else MASK


def _text(text: str, secrets: list[str]) -> str:
    if "://" in text or "?" in text:
        password = _WHOLE if _WHOLE.match(text) else _PASSWORD
        text = _USER.sub(rf"\1{MASK}@", password.sub(rf"\1:{MASK}@", text))
        text = _QUERY.sub(lambda at: f"{at[1]}{at[2]}={MASK}" if SECRET.search(at[2]) else at[0], text)
    for secret in secrets:
        if secret in text:
            edge = "" if len(secret) >= LONG else r"(?<!\w){}(?!\w)"
            text = re.sub((edge or "{}").format(re.escape(secret)), MASK, text)
    return text
