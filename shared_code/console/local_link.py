"""A link that signs the person at this machine in, once, within five minutes: for the local stack.

The secret stands behind the ``#`` of its address, so that no server sees it before the page sends it in a POST, and a
preview of the address cannot use it up. The address is there only on a machine of one's own: the local stack's setting
is set, no variable of the platform is, and the browser asks by a name of this machine.
"""

import ipaddress

from shared_code.admin.browsers.own_pages import is_loopback
from shared_code.admin.error_layer import Scope, header
from shared_code.settings import Settings, platform_variable


def is_open(scope: Scope, settings: Settings) -> bool:
    """Whether such a link may be used by this request."""
    return (
        settings.console_sign_in_link
        and platform_variable() is None
        and is_loopback(scope)
        and all(map(_is_of_this_machine, (header(scope, "x-forwarded-for") or "127.0.0.1").split(",")))
    )


def _is_of_this_machine(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.strip()).is_loopback
    except ValueError:
        return False
