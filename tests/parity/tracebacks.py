# ruff: noqa: E501 - programs read better on one line of their own
"""Programs that log exceptions of every shape, for the comparison of tracebacks.

Each calls `logger.exception("")` where it caught something, or decorates with `logger.catch`. They show nothing that differs
between machines.
"""

from __future__ import annotations

import textwrap


def _logged(body: str, before: str = "") -> str:
    """A program that runs *body* in a function called from another one, and logs what it raises."""
    return (
        textwrap.dedent(before)
        + "\ndef work():\n    try:\n"
        + textwrap.indent(textwrap.dedent(body).strip("\n"), " " * 8)
        + "\n    except BaseException:\n        logger.exception('')\n\ndef main():\n    work()\n\nmain()\n"
    )


OBJECTS = """
class Named:
    kind = "class attribute"
    __slots_like__ = 1
    def __init__(self, value, other=None):
        self.value = value
        self.other = other
    @property
    def lazy(self):
        raise RuntimeError("must not run")
    @staticmethod
    def static(x):
        return 1 / x
    @classmethod
    def of(cls, x):
        return cls(x / 0)
    def method(self, x):
        return self.value / x
    def __repr__(self):
        return f"<Named {self.value!r}>"
    def __getattr__(self, name):
        raise AttributeError("dynamic " + name)

class Slotted:
    __slots__ = ("a", "b")
    def __init__(self):
        self.a = 1
    def __repr__(self):
        return "<Slotted>"

class Broken:
    def __repr__(self):
        raise ValueError("no repr")

class Lines:
    def __repr__(self):
        return "first\\nsecond line\\n\\nlast"

class Ends:
    def __repr__(self):
        return "ends\\n"

class Number:
    def __init__(self, n): self.n = n
    def __repr__(self): return "x" * self.n

class Separators:
    def __repr__(self): return "a\\rb\\x0bc\\x0cd\\x85e\\u2028f\\x1cg\\r\\nh"

class Trails:
    def __repr__(self): return "a  \\n  \\n   "

class Empty:
    def __repr__(self): return ""

class Space:
    def __init__(self, **kw): vars(self).update(kw)
    def __repr__(self): return "Space"

class Wide:
    def __repr__(self): return "日本語 ééé 😀"

broken, lines, ends, wide = Broken(), Lines(), Ends(), Wide()
"""

EXPRESSIONS = [
    "1 / 0",
    "a = 1; b = 0; c = a / b",
    "a = 1; a = a / 0",
    "named = Named(1); named.method(0)",
    "named = Named(Named(3)); named.value.other.missing",
    "named = Named(2, other=Named(3)); named.lazy + named.other.value + named.kind",
    "named = Named(2); named.missing",
    "named = Named(2); named.lazy",
    "named = Named(2); named.value.real.nothing + named.value",
    "named = Named(2); named.static(0)",
    "Named.of(1)",
    "Named.static(0); Named.of",
    "slotted = Slotted(); slotted.b + slotted.a",
    "broken + 1",
    "[broken, broken][0].x",
    "a = {broken: 1} if False else {'k': broken}; a.k",
    "lines + lines + 1",
    "ends + lines / 2",
    "a = lines; (a + wide) / (wide - ends)",
    "wide + 1",
    "a = Number(0); a / a",
    "a = Separators(); a / a",
    "a = Empty(); a / a",
    "a = Trails(); b = 1; a / b",
    "a = Trails(); b = 1; b / a",
    "a = 1; 1 / 0; 'x'[0](a=1)",
    "a = Space(b=Space(c=5), d=1); a.b.c = 1 / 0",
    "a = Space(b=Space(c=5), d=1); 1 / 0; a.b.c = a.d",
    "a = Space(b=Space(c=5), d=1); x = a.d = y = 1 / 0",
    "a = 1; 1 / 0; lambda: a; lambda a=1: a",
    "a = 1; b = 2; 1 / 0; a : int = 3; b: int = 4",
    "a = b = 1; 1 / 0; [a][0] = b = a",
    "a = 1; 1 / 0; del a; a = 3",
    "a = 1; 1 / 0; dict(a=3); dict(b=a); a, b = 2, a",
    "a = 1; print(a.real, end=a.real.x)",
    "a = Number(127); a / a",
    "a = Number(128); a / a",
    "a = Number(129); a / a",
    "a = Number(1000); b = [a]; b / a",
    "a = 'x' * 200; a / 1",
    "a = 'multi\\nline\\n' * 3; a / 1",
    "a = list(range(100)); a['k']",
    "a = 1; a.real.imag.x; a.numerator",
    "a = 0; (a).real / (a)",
    "a = [0]; a[0].real / a[0]",
    "a = Named; a(1).value / 0",
    "a = 'text'; 'literal'.join(a) + 1",
    "a = 'text'; f'{a} {a!r:>10} {a.nope}'",
    "a = 'text'; f'{a}' f'{{}}' rf'\\d{a}' + 1",
    "a = 3; f'{a:{a}}' + f'''{a}''' + 1",
    "a = 3; b'x' + f'{a=}'",
    "a = 3; f'a{{b}}c{a}d{{' + f'{{{a}}}{{' + 1",
    "a = 3; f'{{a}} {a:>{a}} {a!r:{{}}}' if 0 else 1 / 0",
    "a = 3; f'é{{日}}本{a}é' + 1",
    "a = {}; f'{a[\"k\"]}'",
    "a = {'k': 1}; f'{a.get(1)!s:>{a[\"k\"]}}' + 1",
    "a = 3; f'{f\"{a}\"}' + 1",
    "a = 3; fr'\\{a}{{' + 1",
    "(a := 1) / (b := 0)",
    "a = 1; [a / x for x in (1, 0)]",
    "a = 1; {a / x for x in [0]}",
    "a = 1; {k: a / k for k in [0]}",
    "a = 1; list(a / x for x in [0])",
    "a = lambda x, y=0: x / y; a(1)",
    "a = lambda: (lambda: 1 / 0)(); a()",
    "a = 1; a if a / 0 else a",
    "a, b = 1, 0; assert a == b",
    "a, b = 1, 0; assert a == b, f'{a} is not {b}'",
    "a, b = 1, 0; assert (a, b) == 3, ''",
    "a = 5; raise ValueError(a)",
    "raise ValueError",
    "raise ValueError('')",
    "raise ValueError('two', 'arguments')",
    "raise ValueError('several\\nlines: here\\n')",
    "raise ValueError('  indented')",
    "raise ValueError('\\n  newline first')",
    "raise ValueError('colon: in: text')",
    "raise KeyError('a: b')",
    "raise AssertionError",
    "raise AssertionError(None)",
    "raise AssertionError('')",
    "raise OSError(2, 'No such file', 'x.txt')",
    "raise SystemExit(3)",
    "raise KeyboardInterrupt",
    "raise StopIteration(3)",
    "raise UnicodeDecodeError('utf8', b'x', 0, 1, 'why')",
    "raise type('Made', (Exception,), {})('x')",
    "raise type('Made', (Exception,), {'__module__': 'builtins'})('x')",
    "raise type('Made', (Exception,), {'__module__': None})('x')",
    "raise type('With: colon', (Exception,), {})('x')",
    "raise type('Bad', (Exception,), {'__str__': lambda self: 1 / 0})('x')",
    "raise type('Bad', (AssertionError,), {'__str__': lambda self: ''})('x')",
    "a = 1; a.b = a; c = 2",
    "a = 1; a.b = c = a",
    "a = [1]; a[3] = a",
    "a = [1]; a[0], b = a",
    "a = 1; a += 'x'",
    "a = 1; a == a; a['x']",
    "a = 1; print(a, end=a, file=a)",
    "a = 1; print(sep=a, end=a)",
    "a = 1 ; a ; b = a.x",
    "a = 1; a. b",
    "a = Named(1); a . value . real . x",
    "a = Named(1); a.value[0].real",
    "a = Named(1); a.method(1).real.x",
    "a = Named(1); a.value.__class__.x",
    "a = True; b = None; a + b and None",
    "a = ...; a + 1j + 0x1F + 1_000 + 1e3",
    "a = 1; a @ a",
    "a = 1; a // 0 ** -a % ~a << a",
    "a = 1; a is not None and not a / 0",
    "a = 1; -a[+a:~a]",
    "del undefined",
    "undefined.attribute + main.x",
    "global undefined; undefined",
    "int('x', base=10)",
    "a = len; a(1)",
    "import os; os.stat('/does/not/exist/at/all')",
    "import os.path as p; p.join(1)",
    "import json; json.loads('{')",
    "import re; re.compile('(')",
    "from nowhere_at_all import x",
    "import textwrap as t; t.dedent(3)",
    "compile('a = (', 'given.py', 'exec')",
    "compile('def f():\\n  x\\n y', 'given.py', 'exec')",
    "compile('a b', '<string>', 'eval')",
    "eval('1 +')",
    "eval('1 / 0')",
    "exec('def f():\\n    return 1 / 0\\nf()')",
    "raise SyntaxError('bad')",
    "raise SyntaxError('bad', ('x.py', 3, 2, 'abc def'))",
    "raise SyntaxError('bad', ('/usr/lib/x.txt', 3, 2, 'abc def'))",
    "raise SyntaxError('bad', (None, 3, 2, 'abc def'))",
    "raise SyntaxError('bad', ('x.py', 3, None, None))",
    "raise IndentationError('bad', ('x.py', 3, 2, 'abc\\tdef'))",
    "a = 'é'; b = '日本'; é = 0; a + b / é",
    "a = {'k': [1, {'n': ()}]}; a['k'][1]['n'].x",
    "a = range(3); a.start / a.stop.x",
    "a = b'bytes'; a + 'x'",
    "a = float('nan'); a.hex().x",
    "a = main; a.__name__.x; a.__code__",
    "a = Exception('inner'); raise a",
    "a = Exception('inner'); raise Exception(a, [a])",
    "a = 1;# comment\\",
    "a = 1; a / 0  # comment with names: a",
    "x = y = z = 0; x / y / z",
    "match = 1; case = 0; type = 2; _ = 3; match / case + type + _",
    "with open('/does/not/exist') as f: f",
    "for a in 3: a",
    "while 1 / 0: pass",
    "if 1: 1 / 0",
    "a = [1, 2]; a.append(3).x(a)",
    "a = 1; b = 2; (a, b, [a, {b: a}])['k']",
    "a = 1; a(a)(a)[a].a",
    "a = 'é\\t\\x1b[31m'; a / 1",
]
EXPRESSIONS.remove("a = 1;# comment\\")

PROGRAMS: dict[str, str] = {expression: _logged(expression, OBJECTS) for expression in EXPRESSIONS}

PROGRAMS |= {
    "multi-line call": _logged(
        """
        a = 1
        print(
            a,
            a / 0,
            end=a,
        )
        """
    ),
    "multi-line string": _logged(
        '''
        a = 1
        b = """text
        more {a}""" + a
        '''
    ),
    "multi-line f-string": _logged(
        '''
        a = 1
        b = f"""text {a}
        more {a / 0} and {a}
        end"""
        '''
    ),
    "multi-line brackets": _logged(
        """
        a = [1, 0]
        b = (a[0]
             / a[1]
             + a[0])
        """
    ),
    "backslash": _logged("a = 1\nb = a + \\\n    a / \\\n    0"),
    "dictionary": _logged(
        """
        a = 0
        b = {
            "a": a,
            "b": [x / a for x in (1, 2)],
        }
        """
    ),
    "nested": _logged(
        "f(1)",
        "def f(x):\n    def g(y):\n        def h(z):\n            return x / y / z\n        return h(0)\n    return g(2)\n",
    ),
    "closures": _logged(
        "f(0)()()",
        "def f(x):\n    def g():\n        def h():\n            return 1 / x\n        return h\n    return g\n",
    ),
    "generator": _logged("list(f(3))", "def f(n):\n    while True:\n        yield 1 / n\n        n -= 1\n"),
    "yield from": _logged(
        "list(g(1))", "def f(n):\n    yield 1 / n\n    yield from f(n - 1)\ndef g(n):\n    yield from f(n)\n"
    ),
    "throw": _logged("a = f(); next(a); a.throw(ValueError('in'))", "def f():\n    x = 1\n    yield x\n"),
    "coroutine": _logged(
        "g().send(None)", "async def f(x):\n    return 1 / x\nasync def g():\n    x = 0\n    return await f(x)\n"
    ),
    "class body": _logged("class A:\n    x = 0\n    y = 1 / x"),
    "metaclass": _logged(
        "class A(metaclass=M): x = 1",
        "class M(type):\n    def __new__(m, name, bases, space):\n        return super().__new__(m, name) / 0\n",
    ),
    "property": _logged(
        "a = A(); a.p.q",
        "class A:\n    def __repr__(self): return 'A'\n    @property\n    def p(self):\n        return self.q / 0\n    q = 1\n",
    ),
    "decorated": _logged(
        "f(1, k=2)",
        "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(*args, **kw):\n        return g(*args, **kw)\n"
        "    return w\n@d\n@d\ndef f(x, k):\n    return x / 0 + k\n",
    ),
    "map and sort": _logged("sorted([1, 0], key=lambda v: 1 / v)"),
    "descriptor": _logged(
        "a = A(); a.d",
        "class D:\n    def __get__(self, obj, kind): return obj / 0\n    def __repr__(self): return 'D'\n"
        "class A:\n    d = D()\n    def __repr__(self): return 'A'\n",
    ),
    "context manager": _logged(
        "with A() as a: a",
        "class A:\n    def __enter__(self): return self\n    def __exit__(self, *a): self / 0\n    def __repr__(self): return 'A'\n",
    ),
    "inherited": _logged(
        "B().f(0)",
        "class A:\n    def f(self, x): return 1 / x\n    def __repr__(self): return 'A'\n"
        "class B(A):\n    def f(self, x): return super().f(x)\n",
    ),
    "match statement": _logged("match a:\n    case [x, y] if x / y: pass", "a = [1, 0]\n"),
    "annotations": _logged("x: int = 1 / 0"),
    "star": _logged("a = [1]; b = {'x': 2}; f(*a, **b)", "def f(x, *, y): pass\n"),
    "tabs": "def work():\n\ttry:\n\t\ta = 1\n\t\ta  /\t0\n\texcept Exception:\n\t\tlogger.exception('')\nwork()\n",
    "module level": "a = 0\ntry:\n    1 / a\nexcept Exception:\n    logger.exception('')\n",
    "no frames": "logger.exception('', ValueError('x'))\n",
    "no frames, syntax error": "logger.exception('', SyntaxError('x', ('x.py', 1, 1, 'abc')))\n",
    "no frames, foreign syntax error": "logger.exception('', SyntaxError('x', ('<x>', 1, 1, 'abc')))\n",
    "no value": "logger.exception('', (None, None, None))\n",
    "type only": "logger.exception('', (ValueError, None, None))\n",
    "other type": "logger.exception('', (TypeError, ValueError('x'), None))\n",
    "no trace": "try:\n    1 / 0\nexcept Exception as e:\n    logger.exception('', (type(e), e, None))\n",
    "bare assertion without frames": "logger.exception('', AssertionError())\n",
    "frames of another": (
        "try:\n    1 / 0\nexcept Exception as e:\n    logger.exception('', (ValueError, ValueError('x'), e.__traceback__))\n"
    ),
    "after the handler": (
        "def f():\n    try:\n        1 / 0\n    except Exception as e:\n        return e\nlogger.exception('', f())\n"
    ),
    "raised twice": _logged(
        "try:\n    1 / 0\nexcept Exception as e:\n    f(e)", "def f(e):\n    g(e)\ndef g(e):\n    raise e\n"
    ),
    "raised again": _logged("try:\n    1 / 0\nexcept Exception as e:\n    raise"),
    "with_traceback": _logged("raise ValueError('x').with_traceback(None)"),
    "cause": _logged("try:\n    a = 0; 1 / a\nexcept Exception as e:\n    raise ValueError('x') from e"),
    "context": _logged("try:\n    a = 0; 1 / a\nexcept Exception as e:\n    {}[a]"),
    "from None": _logged("try:\n    a = 0; 1 / a\nexcept Exception as e:\n    raise ValueError('x') from None"),
    "unraised cause": _logged("raise ValueError('x') from TypeError('y')"),
    "cause class": _logged("raise ValueError from KeyError"),
    "long chain": _logged(
        "f(4)",
        "def f(n):\n    try:\n        1 / 0 if not n else f(n - 1)\n    except Exception as e:\n"
        "        if n % 2: raise ValueError(n) from e\n        else: raise TypeError(n)\n",
    ),
    "loop of causes": _logged("a = ValueError('a'); b = TypeError('b'); a.__cause__ = b; b.__cause__ = a\nraise a"),
    "loop of contexts": _logged(
        "a = ValueError('a'); b = TypeError('b'); c = KeyError('c')\n"
        "b.__context__ = c; c.__context__ = b; a.__context__ = b\nraise a"
    ),
    "own cause": _logged("a = ValueError('a'); a.__cause__ = a\nraise a"),
    "cause and context": _logged(
        "try:\n    1 / 0\nexcept Exception:\n    a = ValueError('a'); a.__cause__ = KeyError('k')\n"
        "    a.__suppress_context__ = False\n    raise a"
    ),
    "cause seen, context not": _logged(
        "a, b, c = ValueError('a'), TypeError('b'), KeyError('c')\n"
        "a.__cause__ = b; b.__cause__ = a; b.__context__ = c; b.__suppress_context__ = False\nraise a"
    ),
    "chain of syntax errors": _logged(
        "try:\n    compile('(', 'x.py', 'exec')\nexcept SyntaxError as e:\n    compile('a b', 'y.py', 'exec')"
    ),
    "chain of assertions": _logged("a = 1\ntry:\n    assert a == 2\nexcept AssertionError as e:\n    assert a is None"),
    "recursion of 3": _logged("r(3)", "def r(n):\n    return r(n - 1) if n else 1 / 0\n"),
    "recursion of 4": _logged("r(4)", "def r(n):\n    if not n: 1 / 0\n    return r(n - 1)\n"),
    "recursion of 5": _logged("r(5)", "def r(n):\n    if not n: 1 / 0\n    return r(n - 1)\n"),
    "recursion of 100": _logged("r(100)", "def r(n):\n    if not n: 1 / 0\n    return r(n - 1)\n"),
    "recursion to the end": _logged("r(5)", "def r(n):\n    return r(n)\n"),
    "mutual recursion": _logged("f(9)", "def f(n):\n    return g(n - 1) if n else 1 / 0\ndef g(n): return f(n)\n"),
    "two recursions": _logged(
        "f(6)", "def f(n):\n    return f(n - 1) if n else g(5)\ndef g(n):\n    if not n: 1 / 0\n    return g(n - 1)\n"
    ),
    "callers recur": (
        "def out(n):\n    if n: return out(n - 1)\n    try:\n        1 / 0\n    except Exception:\n        logger.exception('')\nout(7)\n"
    ),
    "catching point recurs": (
        "def r(n):\n    try:\n        if not n: 1 / 0\n        r(n - 1)\n    except ZeroDivisionError:\n"
        "        if n < 3: raise\n        logger.exception('')\n        if n < 8: raise\nr(9)\n"
    ),
    "logs inside except": (
        "def f():\n    try:\n        1 / 0\n    except Exception:\n        g()\ndef g():\n    logger.exception('')\nf()\n"
    ),
    "unicode names": _logged("größe(0)", "def größe(wert):\n    ß = 'ä'\n    return ß / wert\n"),
    "tracebacklimit 1": "import sys\nsys.tracebacklimit = 1\n" + _logged("f()", "def f(): g()\ndef g(): 1 / 0\n"),
    "tracebacklimit 2": "import sys\nsys.tracebacklimit = 2\n" + _logged("f()", "def f(): g()\ndef g(): 1 / 0\n"),
    "tracebacklimit 4": "import sys\nsys.tracebacklimit = 4\n" + _logged("f()", "def f(): g()\ndef g(): 1 / 0\n"),
    "tracebacklimit 0": "import sys\nsys.tracebacklimit = 0\n" + _logged("f()", "def f(): g()\ndef g(): 1 / 0\n"),
    "tracebacklimit -1": "import sys\nsys.tracebacklimit = -1\n" + _logged("f()", "def f(): g()\ndef g(): 1 / 0\n"),
    "tracebacklimit None": "import sys\nsys.tracebacklimit = None\n" + _logged("f()", "def f(): 1 / 0\n"),
    "tracebacklimit in a chain": "import sys\nsys.tracebacklimit = 1\n"
    + _logged("try: f()\nexcept Exception as e: raise ValueError('x') from e", "def f(): g()\ndef g(): 1 / 0\n"),
    "tracebacklimit and recursion": "import sys\nsys.tracebacklimit = 6\n"
    + _logged("r(9)", "def r(n):\n    if not n: 1 / 0\n    return r(n - 1)\n"),
    "decorator": "@logger.catch\ndef f(x):\n    return x / 0\ndef run():\n    return f(1)\nrun()\n",
    "decorator at module level": "@logger.catch\ndef f(x):\n    return x / 0\nf(1)\n",
    "decorator, recursion": (
        "@logger.catch\ndef f(x):\n    return r(x)\ndef r(n):\n    if not n: 1 / 0\n    return r(n - 1)\nf(5)\n"
    ),
    "decorated recursion": "@logger.catch\ndef r(n):\n    return r(n - 1) if n else 1 / 0\nr(3)\nr(8)\n",
    "decorator, caller recurs": (
        "@logger.catch\ndef f(x):\n    return x / 0\ndef r(n):\n    return r(n - 1) if n else g()\ndef g():\n    f(5)\nr(6)\n"
    ),
    "decorator, the caller is repeated": (
        "@logger.catch\ndef f(x):\n    return x / 0\ndef r(n):\n    return r(n - 1) if n > 0 else f(n)\nr(6)\n"
    ),
    "decorator, chain": (
        "@logger.catch\ndef f(x):\n    try:\n        x / 0\n    except Exception as e:\n        raise ValueError('x') from e\nf(5)\n"
    ),
    "decorator inside a decorator": (
        "@logger.catch\ndef g(x): return x / 0\n@logger.catch\ndef f(x):\n    return g(x) / 0\nf(5)\n"
    ),
    "decorated twice": "@logger.catch\n@logger.catch\ndef f(x):\n    return x / 0\nf(5)\n",
    "decorated callback": "a = list(map(logger.catch(lambda x: 1 / x), [0]))\n",
    "decorator, syntax error": "@logger.catch\ndef f(x):\n    compile('(', 'x.py', 'exec')\nf(5)\n",
    "decorator, tracebacklimit 1": "import sys\nsys.tracebacklimit = 1\n@logger.catch\ndef f(x):\n    return x / 0\nf(5)\n",
    "decorator, tracebacklimit 2": (
        "import sys\nsys.tracebacklimit = 2\n@logger.catch\ndef f(x):\n    return x / 0\ndef g():\n    f(5)\ng()\n"
    ),
    "decorator, tracebacklimit 3": (
        "import sys\nsys.tracebacklimit = 3\n@logger.catch\ndef f(x):\n    return x / 0\ndef g():\n    f(5)\ng()\n"
    ),
    "file without name": _logged("exec(compile('\\n1 / 0', '<made>', 'exec'), {'x': 1})"),
    "imitated trace": textwrap.dedent(
        """
        class Code:
            co_filename, co_name = __file__, "imitated"
        class Frame:
            f_back, f_code, f_globals, f_lineno, f_locals = None, Code, {"Code": 2}, 3, {"co_filename": 1}
        class Trace:
            tb_frame, tb_lineno, tb_next = Frame, 3, None
        logger.exception("", (ValueError, ValueError(1), Trace))
        """
    ),
}

NOTES = {
    "note": "e = ValueError('x'); e.add_note('a note'); raise e",
    "notes": "e = ValueError('x'); e.add_note('a: note'); e.add_note('two\\nlines'); raise e",
    "indented note": "e = ValueError('x'); e.add_note('  indented'); e.add_note(''); raise e",
    "note like a frame": "e = ValueError('x'); e.add_note('  File \"a.py\", line 3, in f'); raise e",
    "notes that are none": "e = ValueError('x'); e.__notes__ = 5; raise e",
    "notes as text": "e = ValueError('x'); e.__notes__ = 'abc'; raise e",
    "notes of strange kinds": "e = ValueError('x'); e.__notes__ = [1, None, ['a']]; raise e",
    "note of a syntax error": "e = SyntaxError('x', ('x.py', 1, 1, 'abc')); e.add_note('n'); raise e",
    "note without text": "e = ValueError(); e.add_note('a note'); raise e",
    "note of a bare assertion": "e = AssertionError(); e.add_note('a note'); raise e",
}

GROUPS = {
    "group": "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])",
    "group of one": "raise ExceptionGroup('g', [ValueError(1)])",
    "group that was not raised": "logger.exception('', ExceptionGroup('g', [ValueError(1)])); 1 / 0",
    "group of raised": "raise ExceptionGroup('g', [raised(1), raised(2)])",
    "group with notes": "e = ExceptionGroup('g', [noted(1), noted(2)]); e.add_note('two\\nlines'); raise e",
    "group in group": "raise ExceptionGroup('g', [raised(1), ExceptionGroup('h', [raised(2), raised(3)]), raised(4)])",
    "group last in group": "raise ExceptionGroup('g', [raised(1), ExceptionGroup('h', [raised(2), raised(3)])])",
    "group first in group": "raise ExceptionGroup('g', [ExceptionGroup('h', [raised(2)]), raised(3)])",
    "raised group in group": "raise ExceptionGroup('g', [raised_group(1), raised(4)])",
    "groups in groups": "raise ExceptionGroup('g', [ExceptionGroup('h', [raised_group(1), raised_group(2)])])",
    "group with causes": "raise ExceptionGroup('g', [chained(1), chained(2)])",
    "group from an error": "try: 1 / 0\nexcept Exception as e: raise ExceptionGroup('g', [raised(1)]) from e",
    "group after an error": "try: 1 / 0\nexcept Exception as e: raise ExceptionGroup('g', [raised(1)])",
    "error from a group": "try: raise_group()\nexcept Exception as e: raise ValueError('x') from e",
    "error after a group": "try: raise_group()\nexcept Exception as e: raise ValueError('x')",
    "group from a group": "try: raise_group()\nexcept Exception as e: raise ExceptionGroup('g', [raised(1)]) from e",
    "group whose member has a group as cause": "raise ExceptionGroup('g', [caused_by_group(1), raised(2)])",
    "group twice the same": "e = chained(1); raise ExceptionGroup('g', [e, e])",
    "group of 15": "raise ExceptionGroup('g', [ValueError(n) for n in range(15)])",
    "group of 16": "raise ExceptionGroup('g', [ValueError(n) for n in range(16)])",
    "group of 20": "raise ExceptionGroup('g', [ValueError(n) for n in range(20)])",
    "group of 20 in a group": "raise ExceptionGroup('g', [ExceptionGroup('h', [ValueError(n) for n in range(20)])])",
    "group 9 deep": "raise deep(9)",
    "group 10 deep": "raise deep(10)",
    "group 11 deep": "raise deep(11)",
    "group 13 deep": "raise deep(13)",
    "group 13 deep with others": "raise deep(13, ValueError('beside'))",
    "group of assertions": "a = 1\ntry: assert a == 2\nexcept Exception as e: raise ExceptionGroup('g', [e, AssertionError()])",
    "group of syntax errors": "raise ExceptionGroup('g', [SyntaxError('x', ('x.py', 1, 1, 'abc'))])",
    "group of multi-line texts": "raise ExceptionGroup('a\\nb', [ValueError('c\\nd\\n\\n  e')])",
    "group with multi-line values": "a = L(); raise ExceptionGroup('g', [a + 1 if 0 else raised(a)])",
    "base group": "raise BaseExceptionGroup('g', [KeyboardInterrupt(), raised(1)])",
    "group in a base group": "raise BaseExceptionGroup('g', [KeyboardInterrupt(), raised_group(1)])",
    "except*": "try: raise_group()\nexcept* ValueError: 1 / 0",
    "subclass of group": "raise Sub('g', [raised(1)])",
}

_GROUPS_BEFORE = """
class L:
    def __repr__(self): return "one\\ntwo"
class Sub(ExceptionGroup): pass
def raised(n):
    try: raise ValueError(n)
    except ValueError as e: return e
def noted(n):
    e = raised(n); e.add_note(f"note {n}"); return e
def raise_group(): raise ExceptionGroup("r", [raised(10), ValueError(11)])
def raised_group(n):
    try: raise ExceptionGroup(f"r{n}", [raised(n), ValueError(n)])
    except Exception as e: return e
def chained(n):
    try:
        try: {}[n]
        except KeyError as e: raise ValueError(n) from e
    except ValueError as e: return e
def caused_by_group(n):
    try:
        try: raise_group()
        except Exception as e: raise ValueError(n) from e
    except ValueError as e: return e
def deep(n, *others): return ExceptionGroup(f"level {n}", [deep(n - 1, *others), *others]) if n else ValueError("bottom")
"""

SINCE_3_11 = {name: _logged(body) for name, body in NOTES.items()} | {
    name: _logged(body, _GROUPS_BEFORE) for name, body in GROUPS.items()
}
