"""The example's addresses, and the one that plants."""

from __future__ import annotations

from django.urls import path

from example_project.urls import urlpatterns as example
from tests.support.watched.planting import form, plant

urlpatterns = [path("plant/", plant), path("plant/form/", form), *example]
