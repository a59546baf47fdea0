"""An engine that generates nothing, and the tokenizer beside it."""

from openrs.engines import Completion


class Writing:
    """An engine that always writes to the cap."""

    def __init__(self):
        self.asked, self.versions, self.device_kind = [], {}, "CPU"

    def generate(self, requests, sampling, finished):
        self.asked += requests
        made = [Completion([7] * sampling.cap(request), True) for request in requests]
        for index, completion in enumerate(made):
            finished(index, completion)
        return made

    def close(self):
        pass


def tokenizer(folder):
    from openrs.engines.prompts import load_tokenizer

    return load_tokenizer(folder, None)
