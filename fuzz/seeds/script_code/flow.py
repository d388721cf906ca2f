if a: b
if a:
  b
elif c:
  d
elif e:
  f
else:
  g
if a:
  b
else:
  if c:
    d
while a < b:
  a += 1
  break
for i in range(n):
  continue
for i, (a, b) in enumerate(zip(c, d)): pass
for x in a, b: pass
for x, in t: pass
with a: b
with a as b, c as (d, e): f
with (a as b, c): f
with (a, b): f
with (a): f
with (a, b).c: f
with (yield): f
with (a,
   b as c,
): f
return
return a, b
return *a, b
raise
raise E
raise E("m") from F
assert a
assert a, f"{b}"
pass; pass;
del a, b[0], c.d
del (a, b)
while a: b
else: c
for a in b: c
else: d
