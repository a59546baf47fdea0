class Session:
    def run(self, c):
        from openrs.compose import load
        try: cfg=load(c)
        except ValueError as e: print("error:",type(e),e); return
        print(cfg.name,cfg.length,cfg.steps,cfg.algorithm.learning_rate,cfg.data,cfg.scale.reason,cfg.checkpoints,cfg.reward)
    def finish(self): return 0
