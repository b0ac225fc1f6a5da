# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
"""Who is signed in, for a FastAPI application.

Behind httpd (httpd.conf beside this file) it reads the headers that mod_betterauth sets; httpd
removes what clients send under these names, so the application must not be reachable but
through httpd: keep it on the loopback interface.

    uvicorn main:app --host 127.0.0.1 --port 8000

With BETTERAUTH_URL it asks the server instead, with the cookie or bearer token of the request,
and can be reached directly; FRONT_END names the origin whose scripts may call it:

    BETTERAUTH_URL=https://www.example.com/api/auth FRONT_END=https://www.example.com \\
        uvicorn main:app --port 8000
"""

import os
from typing import Optional
from urllib.parse import unquote

import httpx
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel

AUTH_URL = os.environ.get("BETTERAUTH_URL")
FRONT_END = os.environ.get("FRONT_END")

app = FastAPI()
if FRONT_END:
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[FRONT_END],
        allow_credentials=True,
        allow_methods=["*"],
        allow_headers=["authorization", "content-type"],
    )


class User(BaseModel):
    id: str
    email: str
    name: str
    email_verified: bool


def from_headers(request: Request) -> Optional[User]:
    headers = request.headers
    if "x-auth-user-id" not in headers:
        return None
    return User(
        id=headers["x-auth-user-id"],
        email=headers["x-auth-email"],
        name=unquote(headers["x-auth-name"]),
        email_verified=headers["x-auth-email-verified"] == "true",
    )


async def from_server(request: Request) -> Optional[User]:
    given = {name: request.headers[name] for name in ("cookie", "authorization") if name in request.headers}
    if not given:
        return None
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            # a refreshed cookie would not reach the browser from here
            answer = await client.get(f"{AUTH_URL}/get-session", params={"disableRefresh": "true"}, headers=given)
            answer.raise_for_status()
            session = answer.json()
    except (httpx.HTTPError, ValueError):
        # not "nobody": that would look like a sign-out
        raise HTTPException(503, "Sign-in is not available", headers={"Retry-After": "2"})
    if not session:
        return None
    user = session["user"]
    return User(id=user["id"], email=user["email"], name=user["name"], email_verified=user["emailVerified"])


async def current_user(request: Request) -> Optional[User]:
    """Whoever is signed in, or None."""
    return await from_server(request) if AUTH_URL else from_headers(request)


def signed_in(user: Optional[User] = Depends(current_user)) -> User:
    if not user:
        raise HTTPException(401, "Sign in first")
    return user


def verified(user: User = Depends(signed_in)) -> User:
    if not user.email_verified:
        raise HTTPException(403, "Verify your email address first")
    return user


@app.get("/app/public")
def public(user: Optional[User] = Depends(current_user)):
    return {"hello": user.name if user else "stranger"}


@app.get("/app/me")
def me(user: User = Depends(signed_in)):
    return user


@app.get("/app/verified")
def for_verified(user: User = Depends(verified)):
    return {"secret": f"for {user.email}"}
