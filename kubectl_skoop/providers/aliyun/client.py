"""Alibaba Cloud's SDK: one signed request, by the user's own credentials."""

import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kubectl_skoop.api import NoVerdict
from kubectl_skoop.providers.allow_list import Item

Parameters = Mapping[str, object]
Call = Callable[[str, str, Parameters], Item]
"""Product, operation, parameters: the answer. Raises: Refused."""

PROTOCOL = "HTTPS"
_VERSIONS = {"ecs": "2014-05-26", "vpc": "2016-04-28", "slb": "2014-05-15", "nlb": "2022-04-30"}
_IN_BODY = frozenset({"ListServerGroups", "ListServerGroupServers"})
"""Operations that take their parameters as a form."""
_ECS, _VPC, _SLB = "ecs.aliyuncs.com", "vpc.aliyuncs.com", "slb.aliyuncs.com"
_HANGZHOU = "ecs-cn-hangzhou.aliyuncs.com"
_FINANCE = {
    "cn-hangzhou-finance": _ECS,
    "cn-shanghai-finance-1": _HANGZHOU,
    "cn-shenzhen-finance-1": _HANGZHOU,
}
_CENTRAL = ("qingdao", "beijing", "hangzhou", "shanghai", "shenzhen", "hongkong")
_ENDPOINTS: Mapping[str, Mapping[str, str]] = {
    "ecs": {"cn-hangzhou": _HANGZHOU, "cn-north-2-gov-1": _ECS, **_FINANCE},
    "vpc": dict.fromkeys(("cn-hangzhou", "cn-north-2-gov-1", *_FINANCE), _VPC),
    "slb": dict.fromkeys(
        (
            *(f"cn-{region}" for region in _CENTRAL),
            *("ap-southeast-1", "us-east-1", "us-west-1", "cn-north-2-gov-1", *_FINANCE),
        ),
        _SLB,
    ),
}
"""Regions without an endpoint of their own, as the SDK's packages of each product have them (2026)."""
_CONNECT, _READ, _ATTEMPTS = 5_000, 30_000, 3
"""Milliseconds, milliseconds, and how often a request is tried."""
_LOGGERS = ("darabonba-core", "credentials")
"""The SDK's; with DEBUG in the environment the first prints headers."""


class Refused(Exception):
    """The cloud did not answer; the reason has no text of the SDK's, which may quote what was signed."""


class Keys(NamedTuple):
    """Given on the command line; empty: the SDK looks in the environment, its files, and for a role."""

    key_id: str = ""
    secret: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return "Keys(…)"


NO_KEYS = Keys()


def endpoint(product: str, region: str) -> str:
    """Host that answers for the region."""
    return _ENDPOINTS.get(product, {}).get(region) or f"{product}.{region}.aliyuncs.com"


def caller(
    region: str,
    keys: Keys = NO_KEYS,
) -> Call:
    """Raises: NoVerdict (no SDK, no credentials)."""
    try:
        from alibabacloud_credentials.client import Client as Credentials
        from alibabacloud_credentials.exceptions import CredentialException
        from alibabacloud_credentials.models import Config as CredentialConfig
        from alibabacloud_tea_openapi.client import Client
        from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
        from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
        from darabonba.policy.retry import RetryOptions
        from darabonba.runtime import RuntimeOptions
        from Tea.exceptions import TeaException, UnretryableException
    except ImportError:
        raise NoVerdict(
            "the SDK of Alibaba Cloud is not installed",
            hint="pip install 'kubectl-skoop[aliyun]', or give what `aliyun` printed with --infra",
        ) from None
    for name in _LOGGERS:
        logging.getLogger(name).disabled = True
    given = CredentialConfig(
        type="sts" if keys.token else "access_key",
        access_key_id=keys.key_id,
        access_key_secret=keys.secret,
        security_token=keys.token or None,
    )
    try:
        credentials = Credentials(given if keys.key_id else None)
        credentials.get_credential()
    except CredentialException:
        raise NoVerdict(
            "there are no credentials for Alibaba Cloud",
            hint="aliyun configure, or --infra with what `aliyun` printed",
        ) from None
    again = RetryOptions(
        retryable=True,
        retryCondition=[{"exception": ["ThrottlingException", "RetryError"], "maxAttempts": _ATTEMPTS}],
    )
    clients = {
        product: Client(
            Config(
                credential=credentials,
                region_id=region,
                endpoint=endpoint(product, region),
                protocol=PROTOCOL,
                connect_timeout=_CONNECT,
                read_timeout=_READ,
                retry_options=again,
            )
        )
        for product in _VERSIONS
    }

    def call(product: str, operation: str, parameters: Parameters) -> Item:
        texts = {"RegionId": region, **{name: str(value) for name, value in parameters.items()}}
        request = OpenApiRequest(body=texts) if operation in _IN_BODY else OpenApiRequest(query=texts)
        asked = Params(
            action=operation, version=_VERSIONS[product], protocol=PROTOCOL, pathname="/", method="POST",
            auth_type="AK", style="RPC", req_body_type="formData", body_type="json",
        )  # fmt: skip
        try:
            answer = clients[product].call_api(asked, request, RuntimeOptions())
        except AlibabaCloudException as error:
            raise Refused(f"{operation} was answered with {error.code}") from None
        except (TeaException, UnretryableException) as error:
            inner = getattr(error, "inner_exception", error)
            raise Refused(f"{operation} failed: {type(inner).__name__}") from None
        body = answer.get("body")
        if not isinstance(body, Mapping):
            raise Refused(f"{operation} was answered with what is no object")
        return body

    return call
