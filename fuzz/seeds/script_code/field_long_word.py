f'{'{a:'{b:{c!r}ZZZZZZZZZZZZZZZ'e'}}{x = :>{w}.{p}f}' rf'\{a%' ']}{{}}{x = :>{}' rf'\{a}'''
''A'
