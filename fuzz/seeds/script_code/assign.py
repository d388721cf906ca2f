a = 1
a = b = c, d = f()
a, = t
a, b, = t
a, b = c, d
(a, b) = t
(a,) = t
[a, b] = t
a, (b, [c, *d]) = t
a.b = a[0] = 1
x: int = 0
x: List[int]
self.x: Optional[Tensor] = None
a[0]: int = 1
x: "Vec" = y
x: List["Vec"] | None
x: "List[" = y
x: "V" "ec" = y
a += 1
a -= 1
a *= 1
a /= 1
a //= 1
a %= 1
a @= 1
a **= 1
a <<= 1
a >>= 1
a &= 1
a |= 1
a ^= 1
a[0] += b, c
x = yield
x = []  # type: List[int]
# type: ignore
