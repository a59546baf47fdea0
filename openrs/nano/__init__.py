"""The built-in scale: procedural problems and a 1 M-parameter model, for machines without a GPU.

`problems` names the task families and reads the shipped pool, `solutions` writes worked solutions of
mixed quality, `tokenizer` makes a small tokenizer that behaves like DeepSeek-R1-Distill's, and
`python -m openrs.nano.build` makes all that is shipped here again.
"""
