"""Django, in one file, as ASGI and as WSGI."""

import asyncio

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    DEBUG=False,
    ROOT_URLCONF=__name__,
    SECRET_KEY="for tests",
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
    ],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)
django.setup(set_prefix=False)


def hello(request):
    return HttpResponse("Hello, World!")


async def hello_async(request):
    await asyncio.sleep(0)
    return HttpResponse(f"{request.scheme} {request.method} {request.path}")


def echo(request):
    return JsonResponse({"body": request.body.decode(), "query": request.GET.dict(), "type": request.content_type})


async def stream(request):
    async def chunks():
        for number in range(5):
            yield f"{number}\n"
            await asyncio.sleep(0.01)

    return StreamingHttpResponse(chunks(), content_type="text/plain")


def file(request):
    return FileResponse(open(__file__, "rb"))


def visits(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(f"{request.session['visits']} {request.COOKIES.get('theme')}")


urlpatterns = [
    path("visits", visits),
    path("", hello),
    path("async", hello_async),
    path("echo", echo),
    path("stream", stream),
    path("file", file),
]
app = get_asgi_application()
wsgi = get_wsgi_application()
