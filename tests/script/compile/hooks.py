# Hooks run around forward when a module is called from outside, and where Python source calls a module.
class Hooked(Module):
    __forward_pre_hooks__ = ["pre", "silent"]
    __forward_hooks__ = ["post", "nothing"]
    def forward(self, x: int) -> int:
        return x * 10
    def pre(self, inputs: Tuple[int]) -> Tuple[int]:
        return (inputs[0] + 1,)
    def silent(self, inputs: Tuple[int]) -> None:
        print(inputs)
    def post(self, inputs: Tuple[int], result: int) -> int:
        return result + inputs[0]
    def nothing(self, inputs: Tuple[int], result: int) -> None:
        pass
#@ Hooked(2) -> 33

class Plain(Module):
    def forward(self, x: int, k: int = 5) -> int:
        return x + k
#@ Plain(2) -> 7

class Maybe(Module):
    __forward_pre_hooks__ = ["pre"]
    __forward_hooks__ = ["post"]
    def forward(self, x: int, y: int) -> int:
        return x - y
    def pre(self, inputs: Tuple[int, int]) -> Optional[Tuple[int, int]]:
        x, y = inputs
        if x > y:
            return None
        return y, x
    def post(self, inputs: Tuple[int, int], result: int) -> Optional[int]:
        if result > 100:
            return 100
        return None
#@ Maybe(2, 7) -> 5
#@ Maybe(9, 1) -> 8
#@ Maybe(900, 1) -> 100

class Outer(Module):
    inner : Hooked
    def calls(self, x: int) -> int:
        return self.inner(x)
    def forwards(self, x: int) -> int:
        return self.inner.forward(x)
#: Outer.calls: CALL

class Missing(Module):
    __forward_hooks__ = ["none"]
    def forward(self, x: int) -> int:
        return x
