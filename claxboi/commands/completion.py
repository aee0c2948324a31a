# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
``claxboi completion``: commands and options completed by the shell.
"""

import shlex

from ._classified import say

__all__ = ["add"]

EXAMPLE = """\
    eval "$(claxboi completion bash)"                   in ~/.bashrc
    eval "$(claxboi completion zsh)"                    in ~/.zshrc, after compinit
    claxboi completion fish > ~/.config/fish/completions/claxboi.fish\
"""

BASH = """\
_claxboi() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} words=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands} --help --version" -- "$current"))
        return
    fi
    case ${{COMP_WORDS[1]}} in
{cases}
    esac
    if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$current"))
    else
        COMPREPLY=($(compgen -f -- "$current"))
    fi
}}
complete -o filenames -F _claxboi claxboi"""

ZSH = """\
#compdef claxboi
_claxboi() {{
    local -a options
    if (( CURRENT == 2 )); then
        compadd -- {commands} --help --version
        return
    fi
    case $words[2] in
{cases}
    esac
    if [[ $words[CURRENT] == -* ]]; then
        compadd -- $options
    else
        _files
    fi
}}
compdef _claxboi claxboi"""


def add(command):
    """
    Declare the command.

    Parameters
    ----------
    command : callable
        Makes its parser.
    """
    sub = command(
        "completion",
        _completion,
        "print the completion script of a shell",
        EXAMPLE,
    )
    sub.add_argument("shell", choices=tuple(_SCRIPTS), help="the shell")


def _completion(args):
    summaries = {action.dest: action.help for action in args.commands._choices_actions}
    options = {
        name: [action for action in sub._actions if action.option_strings]
        for name, sub in args.commands.choices.items()
    }
    say(_SCRIPTS[args.shell](options, summaries))


def _bash(options, _):
    cases = "\n".join(
        f'        {name}) words="{" ".join(_names(own))}" ;;' for name, own in options.items()
    )
    return BASH.format(commands=" ".join(options), cases=cases)


def _zsh(options, _):
    cases = "\n".join(
        f"        {name}) options=({' '.join(_names(own))}) ;;" for name, own in options.items()
    )
    return ZSH.format(commands=" ".join(options), cases=cases)


def _fish(options, summaries):
    lines = []
    for name, own in options.items():
        text = shlex.quote(summaries[name])
        lines.append(f"complete -c claxboi -n __fish_use_subcommand -f -a {name} -d {text}")
        for action in own:
            flags = [
                f"-{'l' if flag.startswith('--') else 's'} {flag.lstrip('-')}"
                for flag in action.option_strings
            ]
            takes = " -r" if action.nargs != 0 else ""
            text = shlex.quote(action.help or "")
            lines.append(
                f"complete -c claxboi -n '__fish_seen_subcommand_from {name}' {' '.join(flags)}"
                f"{takes} -d {text}"
            )
    return "\n".join(lines)


_SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}


def _names(actions):
    return [flag for action in actions for flag in action.option_strings]
