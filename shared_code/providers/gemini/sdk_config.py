"""What the SDK is given beside a body that is written already, made so that it has little to do with it.

Imported with the first call, because it imports the SDK.
"""

from google.genai import types


class Config(types.GenerateContentConfig):
    """A config that knows at once that it has no items.

    The SDK asks for each of its sixty fields whether the name is in it, as in a dict, before it takes the attribute.
    A model of pydantic walks through all its fields to say no.
    """

    def __contains__(self, name: object) -> bool:
        return False


#: content that the SDK takes and has nothing to translate in
NO_CONTENT = types.Content()

#: for all questions: the body is handed back unread, and nothing is asked again or called by the SDK itself
ONE_QUESTION = Config(
    should_return_http_response=True,
    automatic_continuation=False,
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)
