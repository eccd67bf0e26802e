"""The operations of signing in: tokens, logins, forgotten passwords; rows of the table in `routes`."""

from __future__ import annotations

from tandem.api import logins, reset_password, tokens
from tandem.api.http.operations import BASE, Operation
from tandem.domain.identity import Permission

PUBLIC, SIGNED_IN = Permission.PUBLIC, Permission.SIGNED_IN
LOGINS = BASE + "/users/{userUid}/logins"
LOGIN = LOGINS + "/{userLoginId}"

LOGIN_ROUTES: list[Operation] = [
    Operation(
        "POST",
        f"{BASE}/token",
        "OAuth2IssueToken",
        PUBLIC,
        tokens.issue_token,
        form=tokens.TokenForm,
        gives=tokens.TokenAnswer,
        refuses=tokens.TokenRefusal,
    ),
    Operation("GET", f"{BASE}/users/logins", "GetLogins", SIGNED_IN, logins.list_own_logins, logins.LOGINS),
    Operation("GET", LOGINS, "GetUserLogins", SIGNED_IN, logins.list_user_logins),
    Operation("POST", f"{LOGINS}/apikey", "AddApiKeyLogin", SIGNED_IN, logins.create_api_key),
    Operation("POST", f"{LOGINS}/totp", "AddTotpLogin", SIGNED_IN, logins.create_totp),
    Operation("GET", LOGIN, "GetUserLogin", SIGNED_IN, logins.get_user_login),
    Operation("PATCH", LOGIN, "UpdateUserLogin", SIGNED_IN, logins.patch_user_login, patches=logins.UserLoginPatch),
    Operation("DELETE", LOGIN, "DeleteUserLogin", SIGNED_IN, logins.delete_user_login),
    Operation(
        "DELETE",
        BASE + "/users/{userUid}/tokens",
        "RevokeAuthenticationToken",
        SIGNED_IN,
        logins.revoke_tokens,
    ),
    Operation(
        "GET",
        f"{BASE}/authentication/keys/totp-secret",
        "GenerateTotpSecret",
        SIGNED_IN,
        logins.make_totp_secret,
    ),
    Operation(
        "GET",
        BASE + "/organizations/{organizationUid}/keys",
        "GetOrganizationApiKeys",
        Permission.USERS_WRITE,
        logins.list_organization_keys,
        logins.LOGINS,
    ),
    Operation(
        "POST",
        f"{BASE}/users/resetpassword",
        "CreateResetPasswordRequest",
        PUBLIC,
        reset_password.request_reset,
    ),
    Operation(
        "PUT",
        f"{BASE}/users/resetpassword",
        "CompleteResetPasswordRequest",
        PUBLIC,
        reset_password.complete_reset,
    ),
]
