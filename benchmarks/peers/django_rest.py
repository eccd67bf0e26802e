"""The seed operation with Django REST framework: models, serializers, its pagination; one file in place of a project.

It asks of a caller what Tandem asks: a token that is signed and not expired, a user who is enabled now, a company that
may use the REST API, one of the roles that the operation admits.
"""

from __future__ import annotations

import os
from typing import Any

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["PEER_DATABASE"].removeprefix("sqlite:///"),
            "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=["rest_framework"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of-the-benchmark",
    USE_TZ=True,
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402  (settings come first)
from django.db import models  # noqa: E402
from django.db.models import Q  # noqa: E402
from django.urls import path  # noqa: E402
from joserfc import jwt  # noqa: E402
from joserfc.errors import JoseError  # noqa: E402
from joserfc.jwk import OctKey  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.authentication import BaseAuthentication  # noqa: E402
from rest_framework.exceptions import AuthenticationFailed  # noqa: E402
from rest_framework.generics import ListAPIView  # noqa: E402
from rest_framework.pagination import LimitOffsetPagination  # noqa: E402
from rest_framework.permissions import BasePermission  # noqa: E402
from rest_framework.response import Response  # noqa: E402

PROVIDER_ROLE = "PortalAdministrator"
ROLES = {PROVIDER_ROLE, "ResellerOwner", "ResellerAdministrator", "CompanyOwner", "CompanyAdministrator"}

key = OctKey.import_key(os.environ["PEER_SECRET"])
claims_registry = jwt.JWTClaimsRegistry(sub={"essential": True}, exp={"essential": True})


class Company(models.Model):
    instance_uid = models.CharField(max_length=36, primary_key=True)
    status = models.CharField(max_length=40)
    is_rest_access_enabled = models.BooleanField()

    class Meta:
        app_label, db_table, managed = "tandem", "companies", False


class User(models.Model):
    instance_uid = models.CharField(max_length=36, primary_key=True)
    organization = models.ForeignKey(
        Company, models.DO_NOTHING, db_column="organization_uid", db_constraint=False, null=True
    )
    role = models.CharField(max_length=40)
    status = models.CharField(max_length=40)
    is_authenticated = True

    class Meta:
        app_label, db_table, managed = "tandem", "users", False


class FileShareCopyJob(models.Model):
    position = models.BigAutoField(primary_key=True)
    instance_uid = models.CharField(max_length=36)
    unique_uid = models.CharField(max_length=36)
    source_job_instance_uid = models.CharField(max_length=36)
    source_job_unique_uid = models.CharField(max_length=36)
    target_repository_uid = models.CharField(max_length=36)
    retention = models.IntegerField()
    retention_unit = models.CharField(max_length=40)
    source_size = models.BigIntegerField(null=True)
    gfs_daily = models.IntegerField()
    gfs_weekly = models.IntegerField()
    gfs_monthly = models.IntegerField()
    gfs_yearly = models.IntegerField()
    organization_uid = models.CharField(max_length=36)
    mapped_organization_uid = models.CharField(max_length=36, null=True)

    class Meta:
        app_label, db_table, managed = "tandem", "file_share_copy_jobs", False


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Any) -> tuple[User, None]:
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        try:
            token = jwt.decode(text if kind == "Bearer" else "", key, algorithms=["HS256"])
            claims_registry.validate(token.claims)
        except (JoseError, ValueError) as error:
            raise AuthenticationFailed("The token is not valid.") from error
        found = User.objects.select_related("organization").filter(pk=token.claims["sub"], status="Enabled").first()
        if found is None:
            raise AuthenticationFailed("The user is not active.")
        if found.role != PROVIDER_ROLE:
            company = found.organization
            if company is None or not company.is_rest_access_enabled or company.status != "Active":
                raise AuthenticationFailed("The company is not active.")
        return found, None


class HasRole(BasePermission):
    def has_permission(self, request: Any, view: Any) -> bool:
        del view
        return request.user.role in ROLES


class LowerCaseField(serializers.CharField):
    def to_representation(self, value: str) -> str:
        return value.lower()


class OldestSerializer(serializers.ModelSerializer):
    instanceUid = serializers.CharField(source="instance_uid")
    sourceFileShareJobUid = serializers.CharField(source="source_job_instance_uid")
    targetRepositoryUid = serializers.CharField(source="target_repository_uid")
    retentionUnit = LowerCaseField(source="retention_unit")

    class Meta:
        model = FileShareCopyJob
        fields = ("instanceUid", "sourceFileShareJobUid", "targetRepositoryUid", "retention", "retentionUnit")


class CurrentSerializer(serializers.ModelSerializer):
    instanceUid = serializers.CharField(source="instance_uid")
    uniqueUid = serializers.CharField(source="unique_uid")
    sourceFileShareJobUid = serializers.CharField(source="source_job_instance_uid")
    sourceFileShareJobUniqueUid = serializers.CharField(source="source_job_unique_uid")
    targetRepositoryUid = serializers.CharField(source="target_repository_uid")
    retentionUnit = serializers.CharField(source="retention_unit")
    sourceSize = serializers.IntegerField(source="source_size")
    gfsDaily = serializers.IntegerField(source="gfs_daily")
    gfsWeekly = serializers.IntegerField(source="gfs_weekly")
    gfsMonthly = serializers.IntegerField(source="gfs_monthly")
    gfsYearly = serializers.IntegerField(source="gfs_yearly")
    _embedded = serializers.ReadOnlyField(default=None)

    class Meta:
        model = FileShareCopyJob
        fields = (
            "instanceUid",
            "uniqueUid",
            "sourceFileShareJobUid",
            "sourceFileShareJobUniqueUid",
            "targetRepositoryUid",
            "retention",
            "retentionUnit",
            "sourceSize",
            "gfsDaily",
            "gfsWeekly",
            "gfsMonthly",
            "gfsYearly",
            "_embedded",
        )


class Pagination(LimitOffsetPagination):
    default_limit, max_limit = 100, 500

    def get_paginated_response(self, data: Any) -> Response:
        paging = {"total": self.count, "count": len(data), "offset": self.offset}
        return Response({"meta": {"pagingInfo": paging}, "data": data})


class FileShareCopyJobs(ListAPIView):
    authentication_classes = (TokenAuthentication,)
    permission_classes = (HasRole,)
    pagination_class = Pagination

    def get_queryset(self) -> Any:
        user = self.request.user
        rows = FileShareCopyJob.objects.order_by("position")
        if user.role == PROVIDER_ROLE:
            return rows
        own = user.organization_id
        return rows.filter(Q(organization_uid=own) | Q(mapped_organization_uid=own))

    def get_serializer_class(self) -> Any:
        version = self.request.headers.get("X-Client-Version")
        is_oldest = version is None or tuple(map(int, version.split(".")[:2])) < (3, 1)
        return OldestSerializer if is_oldest else CurrentSerializer


urlpatterns = [path("api/v3/infrastructure/backupServers/jobs/fileShareCopyJobs", FileShareCopyJobs.as_view())]
application = get_wsgi_application()
