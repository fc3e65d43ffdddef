"""What lets a page of another origin read the headers of an answer (CORS).

Which origins may call is a setting of the platform, and its work; which headers their scripts may see is the app's to
say: beside a few safe ones a browser hides all that is not named (Fetch Standard, "CORS-safelisted response-header
name"). The admin API names none: it and its console are for their own origin.
"""

from dataclasses import replace

from shared_code.api_response import ApiResponse

EXPOSED = ("Retry-After", "x-request-id", "Location", "Operation-Location", "Preference-Applied", "ETag")


def for_browsers(response: ApiResponse) -> ApiResponse:
    """The answer, with the headers named that scripts of allowed origins may read."""
    return replace(response, headers={**response.headers, "Access-Control-Expose-Headers": ", ".join(EXPOSED)})
