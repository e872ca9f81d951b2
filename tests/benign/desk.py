"""A stock Django project of one file, with its admin: things with texts, JSON and files, in boxes (an inline), found and changed in lists."""

import tempfile

import django
from django.conf import settings

FOLDER = tempfile.mkdtemp(prefix="desk-")
settings.configure(
    SECRET_KEY="only for this test",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="desk",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
        "desk",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{FOLDER}/desk.sqlite3"}},
    MEDIA_ROOT=FOLDER,
    STATIC_URL="/static/",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    # As behind every proxy that ends TLS.
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    # One thread asks; hashing need not be slow.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
django.setup()

from django import forms  # noqa: E402  (wants settings)
from django.contrib import admin  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402, F401
from django.db import models  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.template import engines  # noqa: E402
from django.urls import path  # noqa: E402

NAME, WORD = "ann", "it's a secret; really"


class Box(models.Model):
    name = models.CharField(max_length=80)

    class Meta:
        app_label = "desk"

    def __str__(self):
        return self.name


class Thing(models.Model):
    name = models.CharField(max_length=80)
    text = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True)
    file = models.FileField(upload_to="things", blank=True, max_length=255)
    price = models.DecimalField(max_digits=9, decimal_places=2, default=0)
    made = models.DateTimeField(null=True, blank=True)
    is_sold = models.BooleanField(default=False)
    box = models.ForeignKey(Box, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        app_label = "desk"

    def __str__(self):
        return self.name


class InBox(admin.TabularInline):
    model = Thing
    fields = ["name", "text", "price"]
    extra = 1


@admin.register(Box)
class BoxAdmin(admin.ModelAdmin):
    inlines = [InBox]
    search_fields = ["name"]


@admin.register(Thing)
class ThingAdmin(admin.ModelAdmin):
    list_display = ["name", "price", "is_sold", "box"]
    list_editable = ["price", "is_sold"]
    list_filter = ["is_sold", "box"]
    search_fields = ["name", "text", "box__name"]
    date_hierarchy = "made"
    autocomplete_fields = ["box"]
    actions = ["sell"]

    @admin.action(description="Mark as sold")
    def sell(self, request, queryset):
        queryset.update(is_sold=True)


class Line(forms.Form):
    word = forms.CharField()
    many = forms.IntegerField(required=False)


Lines = forms.formset_factory(Line, extra=2, can_delete=True)
PAGE = "<!doctype html><form method=post enctype=multipart/form-data>{% csrf_token %}{{ lines }}{{ lines.empty_form }}<button>ok</button></form>"


def formset(request):
    """A formset, shown again with what was wrong, or what it made of it."""
    lines = Lines(request.POST or None)
    if request.method == "POST" and lines.is_valid():
        return JsonResponse({"lines": [line for line in lines.cleaned_data if line]})
    return HttpResponse(engines["django"].from_string(PAGE).render({"lines": lines}, request))


urlpatterns = [path("admin/", admin.site.urls), path("formset/", formset)]


def prepare():
    """Makes the database and its administrator."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    # An app of one file has no migrations.
    with connection.schema_editor() as editor:
        editor.create_model(Box)
        editor.create_model(Thing)
    User.objects.create_superuser(NAME, "ann@example.com", WORD)
