"""The address of a request to the admin API, read before the platform's adapter decodes it.

What the adapter cannot decode it raises as an error, outside of every layer of the app, and the platform answers an
empty 500.
"""

import logging

from shared_code import api_response
from shared_code.api_response import ApiResponse
from shared_code.errors import NotFound, ServiceError
from shared_code.web.address import path_of, query_of

_log = logging.getLogger(__name__)


def refusal(url: str, *, request_id: str | None) -> ApiResponse | None:
    """The answer to an address that the adapter would not decode to what was meant; None for all others.

    :param url: the whole address, as it was sent.
    :param request_id: the client's header.
    """
    try:
        path_of(url)
        query_of(url)
        if ";" in url.partition("?")[0]:
            # The adapter drops it with what follows: another address than was asked for would answer.
            raise NotFound
    except ServiceError as error:
        label = api_response.request_id_of(request_id)
        _log.info("request %s refused: %s %s", label, error.code, error.message)
        return api_response.failure(error, request_id=label)
    return None
