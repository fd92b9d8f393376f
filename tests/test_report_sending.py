"""Reports reach a real mail server and a chat: whole, inert, once, and without telling secrets."""

import json
import logging
import os
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from assets.landing.ledger import read_state
from assets.reports.mail import chat, drawn, mail
from assets.reports.sending import Delivery, Sent, Server, send, server_at
from assets.settings import Settings
from orchestration.resources import SettingError, read_delivery
from tests.line import PROJECT
from tests.sample_report import IMAGE, INFO, LINK, REPORT, headline, number

SECRET = "s3cret-password/@:"
SENDER = "Funnelworks <line@example.com>"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@dataclass
class Mailbox:
    """What a mail server got, and what it is to answer instead of taking it."""

    received: list[tuple[list[str], bytes]] = field(default_factory=list)
    #: to an address → answers to its next mails
    answers: dict[str, list[str]] = field(default_factory=dict)
    #: what to do before the mail is taken
    meanwhile: Any = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.meanwhile:
            self.meanwhile()
        self.received.append((envelope.rcpt_tos, envelope.content))
        return "250 taken"

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if answers := self.answers.get(address):
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 known"

    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(content, policy=default) for _, content in self.received]


@contextmanager
def serving(mailbox: Mailbox, hostname: str = "127.0.0.1", **how: Any) -> Iterator[Server]:
    port = free_port(hostname)
    controller = how.pop("kind", Controller)(mailbox, hostname=hostname, port=port, **how)
    controller.start()
    try:
        yield Server(hostname, port, is_tls=False)
    finally:
        controller.stop()


def free_port(hostname: str) -> int:
    with socket.socket() as found:
        found.bind((hostname, 0))
        return found.getsockname()[1]


def to(server: Server | None, *recipients: str, **more: Any) -> Delivery:
    return Delivery(server, SENDER, recipients, waits=(), **more)


def mail_to(address: str) -> EmailMessage:
    pictures = drawn(REPORT, lambda chart, info: PNG)
    files = {"promises.xlsx": b"xlsx", "headlines.pdf": b"pdf"}
    return mail(REPORT, files, pictures, SENDER, address, datetime(2026, 7, 1, 7, tzinfo=UTC))


def sending(settings: Settings, delivery: Delivery) -> Sent:
    return send(
        settings, delivery, "promises", INFO.as_of_date, INFO.version, mail_to, chat(REPORT)
    )


def test_the_mail_has_a_text_a_page_with_pictures_and_attachments(settings: Settings) -> None:
    mailbox = Mailbox()
    with serving(mailbox) as server:
        assert sending(settings, to(server, "Ann <ann@example.com>", "bob@example.com")) == Sent(
            2, 0, ()
        )
    assert [who for who, _ in mailbox.received] == [["ann@example.com"], ["bob@example.com"]]
    first, second = mailbox.mails()
    assert (first["To"], second["To"]) == ("Ann <ann@example.com>", "bob@example.com")
    assert first["Subject"] == "Promises, as of 2026-06-30"
    assert first["Message-ID"] != second["Message-ID"]
    plain = first.get_body(("plain",))
    page = first.get_body(("html",))
    assert plain is not None and page is not None
    assert "- Win rate: 23.4 % (n 1,234)" in plain.get_content()
    html = page.get_content()
    assert "<table" in html and "<script" not in html and "<svg" not in html
    assert "23.4 %" in html and "The scores are 40 days old" in html
    pictures = {
        part["Content-ID"].strip("<>"): part
        for part in first.walk()
        if part.get_content_type() == "image/png"
    }
    assert set(pictures) == {"deals-1", "deals-3"}
    for place, picture in pictures.items():
        assert f'src="cid:{place}"' in html
        assert picture.get_content() == PNG
        assert picture.get_content_disposition() == "inline"
    assert html.count("<img") == 2 and "http" not in html.replace("http://evil.example", "")
    assert [part.get_filename() for part in first.iter_attachments()] == [
        "promises.xlsx",
        "headlines.pdf",
    ]
    assert {part.get_filename(): part.get_content() for part in first.iter_attachments()} == {
        "promises.xlsx": b"xlsx",
        "headlines.pdf": b"pdf",
    }


def test_texts_of_extracts_are_inert() -> None:
    told = replace(
        REPORT,
        title="Promises\r\nBcc: victim@example.com",
        headlines=(
            headline(f"{IMAGE}\n- Faked: 100 %", number(f"{LINK}\r\n.\r\nQUIT", "text")),
            headline("<!channel> @here `x` <http://evil.example|click>", number(1)),
        ),
    )
    message = mail(told, {}, {}, SENDER, "ann@example.com", datetime.now(UTC))
    got = message_from_bytes(message.as_bytes(), policy=default)
    assert got["Bcc"] is None
    assert got["Subject"] == "Promises Bcc: victim@example.com, as of 2026-06-30"
    page, plain = got.get_body(("html",)), got.get_body(("plain",))
    assert page is not None and plain is not None
    assert IMAGE not in page.get_content() and "&lt;img src=x" in page.get_content()
    lines = plain.get_content().splitlines()
    assert "- Faked: 100 %" not in lines and "." not in lines
    title, body = chat(told)
    assert "\n" not in title and len(body.splitlines()) == 1 + len(told.headlines)
    assert not set("<>@`") & set(title + body)


def test_it_is_sent_once(settings: Settings) -> None:
    mailbox = Mailbox()
    with serving(mailbox) as server:
        assert sending(settings, to(server, "ann@example.com")).sent == 1
        assert sending(settings, to(server, "ANN@example.com", "bob@example.com")) == Sent(1, 1, ())
        assert sending(settings, to(server, "ann@example.com", "bob@example.com")) == Sent(0, 2, ())
    assert [who for who, _ in mailbox.received] == [["ann@example.com"], ["bob@example.com"]]
    rows = read_state(settings.state / "sent")
    assert [row["outcome"] for row in rows] == ["begun", "sent"] * 2
    assert "example.com" not in str(rows), "addresses belong to people"


def test_another_day_and_another_report_are_sent_again(settings: Settings) -> None:
    mailbox = Mailbox()
    with serving(mailbox) as server:
        for report, day in (("promises", 29), ("promises", 30), ("objectives", 30)):
            as_of = INFO.as_of_date.replace(day=day)
            found = send(
                settings, to(server, "ann@example.com"), report, as_of, "v", mail_to, ("t", "b")
            )
            assert found == Sent(1, 0, ())
    assert len(mailbox.received) == 3


def test_one_refused_address_keeps_no_other_from_it(settings: Settings) -> None:
    mailbox = Mailbox(answers={"gone@example.com": ["550 no such person"]})
    with serving(mailbox) as server:
        delivery = to(server, "gone@example.com", "bob@example.com")
        found = sending(settings, delivery)
        assert (found.sent, found.before) == (1, 0)
        assert found.problems == ("gone@example.com: the mail server refused (550 no such person)",)
        # what was refused is tried again by the next run, and only that
        assert sending(settings, delivery) == Sent(1, 1, ())
    assert [who for who, _ in mailbox.received] == [["bob@example.com"], ["gone@example.com"]]


def test_what_passes_is_tried_again(settings: Settings) -> None:
    mailbox = Mailbox(answers={"ann@example.com": ["451 later"], "gone@example.com": ["550 no"]})
    with serving(mailbox) as server:
        delivery = replace(to(server, "gone@example.com", "ann@example.com"), waits=(0.0, 0.0))
        found = sending(settings, delivery)
    assert found.sent == 1 and len(mailbox.received) == 1
    assert found.problems == ("gone@example.com: the mail server refused (550 no)",)


def test_a_server_that_is_not_there_is_named(settings: Settings) -> None:
    with serving(Mailbox()) as server:
        pass
    found = sending(settings, to(server, "ann@example.com", "bob@example.com"))
    assert found.sent == 0
    assert len(found.problems) == 1 and "cannot be reached" in found.problems[0]
    assert read_state(settings.state / "sent") == [], "nothing was begun"


SENDING_PROCESS = """
import sys
from datetime import date
from email.message import EmailMessage
from pathlib import Path
from assets.reports.sending import Delivery, Server, send
from assets.settings import Settings

def mail_to(address):
    message = EmailMessage()
    message["To"] = address
    message.set_content("hello")
    return message

home, port = sys.argv[1:]
delivery = Delivery(Server("127.0.0.1", int(port), False), "a@b.c", ("ann@example.com",), waits=())
settings = Settings(home=Path(home), as_of=date(2026, 6, 30))
send(settings, delivery, "promises", date(2026, 6, 30), "v", mail_to, ("t", "b"))
"""


def test_a_run_killed_in_between_sends_nothing_twice(settings: Settings) -> None:
    mailbox = Mailbox()
    with serving(mailbox) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", SENDING_PROCESS, str(settings.home), str(server.port)],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
        # the server has the mail, and its sender will never learn of it
        mailbox.meanwhile = process.kill
        assert process.wait(60) == -9
        mailbox.meanwhile = None
        delivery = to(server, "ann@example.com")
        found = sending(settings, delivery)
        assert (found.sent, found.before) == (0, 0)
        [problem] = found.problems
        assert problem.startswith("ann@example.com: a run was killed while it sent this")
        assert sending(settings, delivery) == Sent(0, 1, ()), "said once"
    assert len(mailbox.received) == 1
    outcomes = [row["outcome"] for row in read_state(settings.state / "sent")]
    assert outcomes == ["begun", "unknown"]


def test_a_connection_that_breaks_off_unconfirmed_is_not_tried_again(settings: Settings) -> None:
    mailbox = Mailbox()

    def hang_up() -> None:
        raise ConnectionResetError

    mailbox.meanwhile = hang_up

    class Broken(Controller):
        def factory(self) -> SMTP:
            smtp = super().factory()

            async def drop(error: Exception) -> str:
                smtp.transport.abort()
                return "451 never heard"

            smtp.event_handler.handle_exception = drop
            return smtp

    with serving(mailbox, kind=Broken) as server:
        found = sending(settings, replace(to(server, "ann@example.com"), waits=(0.0,)))
    assert found.sent == 0
    [problem] = found.problems
    assert "broke off" in problem and "not sent again" in problem


# --- encryption, and secrets


def test_without_tls_nothing_leaves_the_machine(settings: Settings) -> None:
    mailbox = Mailbox()
    # another address of this machine, which does not count as it
    with serving(mailbox, hostname="127.0.0.2") as server:
        found = sending(settings, to(replace(server, user="me", password=SECRET), "a@example.com"))
    assert found.problems and "offers no TLS" in found.problems[0]
    assert mailbox.received == []


def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    import ssl

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"),
            *("-subj", "/CN=127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    mailbox = Mailbox()
    with serving(mailbox, ssl_context=context) as server:
        found = sending(settings, to(replace(server, is_tls=True), "ann@example.com"))
    with serving(mailbox, hostname="127.0.0.2", tls_context=context) as server:
        again = sending(settings, to(server, "ann@example.com"))
    for each in (found, again):
        assert each.problems and "no TLS that can be trusted" in each.problems[0]
    assert mailbox.received == []


@pytest.mark.parametrize("is_known", [True, False])
def test_the_password_is_told_to_the_server_alone(
    settings: Settings, caplog: pytest.LogCaptureFixture, is_known: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    heard: list[bytes] = []

    def check(server: Any, session: Any, envelope: Any, mechanism: str, said: Any) -> AuthResult:
        heard.append(said.password)
        return AuthResult(success=is_known, handled=False)

    mailbox = Mailbox()
    with serving(mailbox, authenticator=check, auth_require_tls=False) as server:
        delivery = to(replace(server, user="me", password=SECRET), "ann@example.com")
        found = sending(settings, delivery)
    assert heard and {each.decode() for each in heard} == {SECRET}
    assert found.sent == len(mailbox.received) == int(is_known)
    if not is_known:
        assert "does not accept the log-in (535)" in found.problems[0]
    for told in (caplog.text, str(found), str(delivery), str(read_state(settings.state / "sent"))):
        assert SECRET not in told and "s3cret" not in told


# --- chats


@contextmanager
def chatting(heard: list[dict], status: int = 200) -> Iterator[int]:
    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def test_a_chat_gets_the_headlines_once(settings: Settings) -> None:
    heard: list[dict] = []
    with chatting(heard) as port:
        delivery = Delivery(chats=(f"json://127.0.0.1:{port}/token",), waits=())
        assert sending(settings, delivery) == Sent(1, 0, ())
        assert sending(settings, delivery) == Sent(0, 1, ())
    [message] = heard
    assert message["title"] == "Promises, as of 2026-06-30"
    assert "Win rate: 23.4 % (signal)" in message["message"]


def test_a_chat_that_refuses_is_tried_again_and_never_named(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    heard: list[dict] = []
    with chatting(heard, status=500) as port:
        delivery = Delivery(chats=(f"json://127.0.0.1:{port}/s3cret", "s3cret://x/y"), waits=())
        first, second = sending(settings, delivery), sending(settings, delivery)
    assert len(heard) == 2
    assert first.problems == second.problems
    assert first.problems == ("chat 1 did not take the message", "chat 2 did not take the message")
    for told in (caplog.text, str(first), str(delivery)):
        assert "s3cret" not in told


# --- settings


def test_the_settings_of_a_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMTP_URL", "MAIL_FROM", "REPORT_RECIPIENTS", "REPORT_URLS"):
        monkeypatch.delenv(f"FUNNELWORKS_{name}", raising=False)
    assert not read_delivery().is_configured
    monkeypatch.setenv("FUNNELWORKS_REPORT_RECIPIENTS", "Ann <ann@example.com>, bob@example.com,")
    with pytest.raises(SettingError, match="FUNNELWORKS_MAIL_FROM is not set"):
        read_delivery()
    monkeypatch.setenv("FUNNELWORKS_MAIL_FROM", SENDER)
    with pytest.raises(SettingError, match="FUNNELWORKS_SMTP_URL is not set"):
        read_delivery()
    monkeypatch.setenv("FUNNELWORKS_SMTP_URL", "smtps://me%40x:s3cret%2F@mail.example.com")
    found = read_delivery()
    assert found.recipients == ("Ann <ann@example.com>", "bob@example.com")
    assert found.server == Server("mail.example.com", 465, True, "me@x", "s3cret/")
    assert "s3cret" not in str(found)
    monkeypatch.setenv("FUNNELWORKS_REPORT_RECIPIENTS", "ann@example.com, nobody")
    with pytest.raises(SettingError, match="'nobody', which is no address"):
        read_delivery()


@pytest.mark.parametrize(
    "url",
    [
        "https://a:s3cret@b",
        "mail.example.com:25",
        "smtp://",
        "smtp://a:s3cret@b:x",
        "smtps://[s3cret",
        "smtps://a:s3cret%C3%A9@b",
    ],
)
def test_a_server_that_is_none_is_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"smtps?://|no address of a server|not ASCII") as problem:
        server_at(url)
    assert "s3cret" not in str(problem.value)
    assert textwrap.shorten(str(problem.value), 90) == str(problem.value)
