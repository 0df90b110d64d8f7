"""Scripts in images of their own: they decode the texts they get, and code and report those that they write.

The code is that of `kfnb.runtime.pods.handover.coded_text`.

On Kubeflow Pipelines, every text passes through templates of Argo and through kubelet on its way into a container, and the container's
shell is the first that can decode it. The shell code needs nothing but POSIX.
"""

from __future__ import annotations

from kfnb.engines.cluster.lowering.plain_container_commands import OUT, ContainerCommand
from kfnb.runtime.pods.report_lines import MARK

#: Replaces each ``$1`` in ``$_t`` by ``$2``.
_PUT = """\
_put() { _o=; while :; do case $_t in *"$1"*) _o=$_o${_t%%"$1"*}$2 _t=${_t#*"$1"} ;; *) break ;; esac; done; _t=$_o$_t; }
"""
#: Decodes all arguments and runs them. A text without the code is from a file, and loses one newline at its end, as with ``$(…)``.
_DECODE = """\
for _a do
  _t=$_a
  case $_t in
    kfnb+text:*)
      _t=${_t#kfnb+text:} _o=
      while :; do
        case $_t in *%*) ;; *) break ;; esac
        _o=$_o${_t%%"%"*} _t=${_t#*"%"}
        _h=${_t%"${_t#??}"} _t=${_t#??}
        _c=$(printf "\\\\$(printf %03o "0x$_h")x")
        _o=$_o${_c%x}
      done
      _t=$_o$_t ;;
    *'
') _t=${_t%?} ;;
  esac
  shift
  set -- "$@" "$_t"
done
exec "$@\""""
#: Codes the text in the file ``$1`` where an engine would read a part of it, or cannot store it: then all bytes that are not ASCII.
_CODE = (
    _PUT
    + """\
_code() {
  _t=$(cat "$1"; printf x); _t=${_t%x}
  case $(LC_ALL=C; printf x; case $_t in *[!"$(printf '\\t\\n\\r')"\\ -~]*) printf y ;; esac)$_t in xy*) ;; *'{{'* | *'}}'* | *'$('* | *'$$'* | xkfnb+text:*) ;; *) return 0 ;; esac
  _t=${_t%'
'}
  _put % %25
  _n=1
  while [ $_n -lt 256 ]; do
    case $_n in
      9 | 10 | 13) ;;
      32) _n=126 ;;
      *) _put "$(printf "\\\\$(printf %03o $_n)")" "%$(printf %02X $_n)" ;;
    esac
    _n=$((_n + 1))
  done
  _put '{' %7B; _put '}' %7D; _put '$' %24
  case $_t in *'
') _t=${_t%?}%0A ;; esac
  printf 'kfnb+text:%s' "$_t" > "$1"
}
"""
)
#: Reports the text ``$1`` in the file ``$2`` to the engine, as hexadecimal digits: the server gives nobody the values of outputs. A longer
#: text would not fit into a line of the log, and an image without these programs reports nothing.
_TELL = f"""\
_tell() {{
  if [ -f "$2" ] && [ "$(wc -c < "$2")" -lt 3900 ] && command -v od >/dev/null 2>&1 && command -v tr >/dev/null 2>&1; then
    printf '\\n{MARK}{{"texts": {{"%s": "%s"}}}}\\n' "$1" "$(od -An -v -tx1 "$2" | tr -d ' \\n')"
  fi 2>/dev/null
}}
"""


def decoding(command: ContainerCommand) -> ContainerCommand:
    """A command whose arguments are decoded before it runs."""
    return ContainerCommand(("sh", "-c", _DECODE), ("kfnb", *command.command, *command.args))


def coding(paths: list[str]) -> list[str]:
    """The lines of a script that code the texts in files. The paths are words of the shell."""
    return [_CODE, *(f"_code {p}" for p in paths)] if paths else []


def reporting(outputs: list[str]) -> list[str]:
    """The lines of a script that report the texts that it has written, and keep its status."""
    return ["_r=$?", _TELL, *(f'_tell {n} "${OUT}{n}"' for n in outputs), "(exit $_r)"] if outputs else []
