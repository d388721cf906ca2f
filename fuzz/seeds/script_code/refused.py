try:
  a
except E as e:
  b
except (F, G):
  c
except:
  d
else:
  e
finally:
  f
try: a
finally: b
try: a
except* E: b
match x:
  case 1: a
  case {"k": v, **rest} if v:
    b
  case _:
    if c:
      d
match = 1
match(x)
match.y
match[0] = 1
match -x
match (x, y):
  case A(b=c): d
match -x:
  case 1: pass
type X = int
type = 1
type(x)
global a
def f():
  async for a in b: c
  async with d: e
  async def g(): pass
(a := 1)
x = {1, 2}
lambda: 0
def f():
  yield
  x = yield a, b
  yield from c
  await d
type X =
