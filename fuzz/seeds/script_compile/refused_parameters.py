def helper(a: int, b: int = 2, **c: int) -> int:
    return a

def f(x: int) -> int:
    return helper(x, d=3)
