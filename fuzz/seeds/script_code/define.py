def f(): pass
def f(a, b: int, c=1, d: float=2.) -> Tensor:
  return a
def f(a, *, b, c: int=3): pass
def f(a, /, b): pass
def f(*args: int, **kwargs): pass
def f(a,
      b,
      ) -> Tuple[int, int]:
  "doc"
  pass
def f(self: "A", o: List["Vec"]) -> "Vec": pass
@a
@b.c(1, k=2)
def f(): pass
class A: pass
class A(B, c.D, metaclass=M):
  """doc"""
  x : Final[int] = 3
  @property
  def f(self): return 1
@d
class A(): x = 1
def f():
  def g(x): return x
  return g
def f(a, b):
  # type: (Tensor, int) -> List[Tensor]
  pass
def f(a, b):  # type: (Tensor, Optional[int]) -> None
  pass
class A:
  def f(self, a):
    # type: (int) -> int
    pass
  def g(self):
    # type: () -> int
    pass
def f(a,  # type: Tensor
      b=1,  # type: int
      c=2  # type: float
      ):
  # type: (...) -> int
  pass
def f(*a, **b):
  # type: (*int, **str) -> None
  pass
def f(a: int):
  # type: (Tensor) -> Tensor
  pass
def f(a):
  # type: (Tensor, int) -> int
  pass
def f(a):
  # type: (Tensor -> int
  pass
def f(a):
  # type: ignore
  pass
def f(a,  # type: not a type
): pass
def f(a):
  # a remark
  # type: (int) -> int
  x = 1  # type: str
async def f(): await g()
def f():
  class A: pass
  import a
  global b, c
  nonlocal d
def f[T](a: T) -> T: return a
class A[T]: pass
def f(a, *b, c, **d): pass
