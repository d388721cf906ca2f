import a
import a.b.c as d, e
from a import b
from a.b import c as d, e
from a import (b, c as d,)
from a import *
from . import a
from ..a.b import c
from ... import d
from .... e import f
import a . b
