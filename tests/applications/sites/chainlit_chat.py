import chainlit


@chainlit.password_auth_callback
def login(name: str, password: str) -> "chainlit.User | None":
    return chainlit.User(identifier=name) if password == "secret" else None


@chainlit.on_message
async def answer(message: chainlit.Message) -> None:
    await chainlit.Message(content=f"you said: {message.content}").send()
