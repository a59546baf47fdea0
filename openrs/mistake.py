"""The one error that is the user's to mend."""


class Mistake(ValueError):
    """Wrong input. The message names field, value, rule and remedy; no traceback is shown with it."""
