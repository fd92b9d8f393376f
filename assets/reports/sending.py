"""Reports on their way: by mail to each address and as a short message to each chat, once.

Belongs here: the connection to the mail server, the chats, and `state/sent`, which remembers what
was sent. Does not belong here: what a mail says (`mail`).

**At most once.** What is about to go is written down first (begun), and afterwards how it ended
(sent, refused). What was sent is never sent again for the same report, as_of and address; what was
refused is tried again by the next run. A process that is killed between the two leaves a message
of which nobody knows whether it arrived: it is told once (unknown) and not sent again, since two
mails that contradict each other cost more trust than one that can be forwarded by hand. The gap is
as short as can be: begun is written when the server has accepted sender and recipient.

`state/sent` holds hashes of addresses, never an address: those of chats are secrets, those of mail
belong to people.
"""

import logging
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.message import EmailMessage
from hashlib import sha256
from typing import Literal
from urllib.parse import unquote, urlsplit

from assets.landing.ledger import append_state, read_state
from assets.reports.mail import one_line
from assets.settings import Settings

Outcome = Literal["begun", "sent", "refused", "unknown"]
#: seconds that a server may take to answer
PATIENCE = 60.0
#: hosts to which mail may go without TLS, since it does not leave the machine
LOOPBACK = ("localhost", "127.0.0.1", "::1")
NOBODY_KNOWS = (
    "Whether it arrived is not known, and it is not sent again: forward it by hand if it is missed"
)


class SendingError(RuntimeError):
    """Something was not sent; the message says what and why, and holds no secret.

    `passes`: it may pass by itself, so that it is worth trying again soon.
    """

    def __init__(self, words: str, passes: bool = False) -> None:
        super().__init__(words)
        self.passes = passes


@dataclass(frozen=True)
class Server:
    """A mail server; `is_tls`: TLS from the first byte, else by STARTTLS."""

    host: str
    port: int
    is_tls: bool
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Delivery:
    """Whom reports are sent to, and how; none of it where nothing is configured.

    Args:
        chats: addresses in Apprise's notation, which hold secrets.
        waits: seconds before each further try of what may pass by itself.
    """

    server: Server | None = None
    sender: str = ""
    recipients: tuple[str, ...] = ()
    chats: tuple[str, ...] = field(default=(), repr=False)
    waits: tuple[float, ...] = (20.0, 60.0, 180.0)

    @property
    def is_configured(self) -> bool:
        return bool(self.recipients or self.chats)


@dataclass(frozen=True)
class Post:
    """What the asset of a sending needs of the outside.

    Args:
        read: the settings of the delivery; raises ValueError where they cannot be used.
        alert: tells whoever watches over the line (title, body).
    """

    read: Callable[[], Delivery]
    alert: Callable[[str, str], object]


@dataclass(frozen=True)
class Sent:
    """What came of a sending: how many addresses have it now, how many had it before, and in words
    why others have not."""

    sent: int
    before: int
    problems: tuple[str, ...]


def server_at(url: str) -> Server:
    """The server of `smtps://user:password@host:port` (TLS) or `smtp://…` (STARTTLS).

    User and password are percent-encoded.

    Raises:
        ValueError: it is no such address; the message does not repeat it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError("it is no address of a server") from error
    if parts.scheme not in ("smtp", "smtps"):
        raise ValueError("it begins with neither smtps:// nor smtp://")
    if not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("it is not like smtps://user:password@host:port")
    is_tls = parts.scheme == "smtps"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (user + password).isascii():  # which no mail server has to understand
        raise ValueError("its user or password is not ASCII")
    return Server(host, port or (465 if is_tls else 587), is_tls, user, password)


def send(
    settings: Settings,
    delivery: Delivery,
    report: str,
    as_of: date,
    version: str,
    mail_to: Callable[[str], EmailMessage],
    message: tuple[str, str],
) -> Sent:
    """Sends a report to every address that does not have it yet.

    One address that fails keeps no other from getting it. What may pass by itself is tried again.

    Args:
        report, as_of, version: what is sent, and the publish that it was made from.
        mail_to: the mail to an address.
        message: title and body for chats.
    """
    log = _Log(settings, report, as_of, version)
    problems: dict[_Target, SendingError] = {}
    due, before = _due(log, delivery, problems)
    sent = 0
    for wait in (*delivery.waits, None):
        failed = dict(_round(delivery, log, due, mail_to, message))
        problems |= failed
        sent += len(due) - len(failed)
        for target in due:
            if target not in failed:
                problems.pop(target, None)
        due = [target for target, error in failed.items() if error.passes]
        if not due or wait is None:
            break
        time.sleep(wait)
    words = tuple(dict.fromkeys(str(error) for error in problems.values()))
    return Sent(sent, before, words)


def _round(
    delivery: Delivery,
    log: "_Log",
    due: list["_Target"],
    mail_to: Callable[[str], EmailMessage],
    message: tuple[str, str],
) -> Iterator[tuple["_Target", SendingError]]:
    """Tries each address once; gives those that failed, with why."""
    by_mail = [target for target in due if target.channel == "mail"]
    if by_mail:
        try:
            with _connected(delivery) as connection:
                for target in by_mail:
                    try:
                        _mail(connection, delivery, target, mail_to(target.address), log)
                    except SendingError as error:
                        yield target, error
        except SendingError as error:
            yield from ((target, error) for target in by_mail)
    for target in due:
        if target.channel == "chat":
            log.write(target, "begun")
            is_taken = tell([target.address], *message)
            log.write(target, "sent" if is_taken else "refused")
            if not is_taken:
                yield target, SendingError(f"{target} did not take the message", passes=True)


def tell(addresses: list[str], title: str, body: str) -> bool:
    """Sends a text by Apprise; False where an address did not take it.

    Apprise and what it sends by log addresses, which hold secrets: meanwhile they are not heard.
    """
    import apprise

    loggers = [logging.getLogger(name) for name in ("apprise", "urllib3.connectionpool")]
    were_disabled = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        notifier = apprise.Apprise()
        are_known = notifier.add(addresses)
        taken = notifier.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
    except TypeError:  # an address that nothing can be made of
        return False
    finally:
        for logger, was_disabled in zip(loggers, were_disabled, strict=True):
            logger.disabled = was_disabled
    return are_known and bool(taken)


# --- what was sent


@dataclass(frozen=True)
class _Target:
    """An address; `number` tells chats apart, whose addresses are secrets."""

    channel: Literal["mail", "chat"]
    number: int
    address: str = field(repr=False)

    def __str__(self) -> str:
        return self.address if self.channel == "mail" else f"chat {self.number}"

    @property
    def hash(self) -> str:
        # a mailbox is the same in any case of its letters, the token of a chat is not
        told = self.address.lower() if self.channel == "mail" else self.address
        return sha256(f"{self.channel}\n{told}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class _Log:
    """`state/sent` for one report and as_of; a row per step of a sending."""

    settings: Settings
    report: str
    as_of: date
    version: str

    def last(self) -> dict[str, Outcome]:
        """How the last sending to each address ended, by the hash of the address."""
        return {
            row["address_hash"]: row["outcome"]
            for row in read_state(self.settings.state / "sent")
            if row["report"] == self.report and row["as_of"] == self.as_of
        }

    def write(self, target: _Target, outcome: Outcome) -> None:
        now = datetime.now(UTC).replace(tzinfo=None)
        row = {
            "report": self.report,
            "as_of": self.as_of,
            "version": self.version,
            "channel": target.channel,
            "address_hash": target.hash,
            "outcome": outcome,
            "written_at": now,
        }
        append_state(self.settings.state / "sent", [row], now)


def _due(
    log: _Log, delivery: Delivery, problems: dict[_Target, SendingError]
) -> tuple[list[_Target], int]:
    """The addresses that a report is still to be sent to, each once, and how many have it."""
    last = log.last()
    targets = [
        *(_Target("mail", n, each) for n, each in enumerate(delivery.recipients, 1)),
        *(_Target("chat", n, each) for n, each in enumerate(delivery.chats, 1)),
    ]
    due, before = [], 0
    for target in {target.hash: target for target in targets}.values():
        match last.get(target.hash):
            case "sent" | "unknown":
                before += 1
            case "begun":
                problems[target] = SendingError(
                    f"{target}: a run was killed while it sent this. {NOBODY_KNOWS}"
                )
                log.write(target, "unknown")
            case _:
                due.append(target)
    return due, before


# --- mail


@contextmanager
def _connected(delivery: Delivery) -> Iterator[smtplib.SMTP]:
    """A connection to the mail server, encrypted and logged in.

    Raises:
        SendingError: there is no server, it cannot be reached, its certificate does not hold, or it
            does not let us in.
    """
    server = delivery.server
    if server is None:
        raise SendingError("no mail server is set: FUNNELWORKS_SMTP_URL")
    where = f"mail server {server.host}:{server.port}"
    context = ssl.create_default_context()
    try:
        connection: smtplib.SMTP = (
            smtplib.SMTP_SSL(server.host, server.port, timeout=PATIENCE, context=context)
            if server.is_tls
            else smtplib.SMTP(server.host, server.port, timeout=PATIENCE)
        )
    except ssl.SSLError as error:
        raise SendingError(f"{where}: no TLS that can be trusted ({error.reason})") from None
    except (OSError, smtplib.SMTPException) as error:
        raise SendingError(f"{where} cannot be reached ({_short(error)})", passes=True) from None
    try:
        _greet(connection, server, where, context)
        yield connection
    finally:
        with suppress(OSError, smtplib.SMTPException):
            connection.quit()
        connection.close()


def _greet(connection: smtplib.SMTP, server: Server, where: str, context: ssl.SSLContext) -> None:
    try:
        connection.ehlo()
        if not server.is_tls and server.host not in LOOPBACK:
            if not connection.has_extn("starttls"):
                raise SendingError(f"{where} offers no TLS (STARTTLS); nothing is sent without")
            connection.starttls(context=context)
            connection.ehlo()
        if server.user:
            connection.login(server.user, server.password)
    except ssl.SSLError as error:
        raise SendingError(f"{where}: no TLS that can be trusted ({error.reason})") from None
    except smtplib.SMTPAuthenticationError as error:
        # without the server's words, which may repeat what was said
        raise SendingError(f"{where} does not accept the log-in ({error.smtp_code})") from None
    except smtplib.SMTPNotSupportedError:
        raise SendingError(f"{where} offers no way to log in") from None
    except (OSError, smtplib.SMTPException) as error:
        raise SendingError(f"{where} ended the talk ({_short(error)})", passes=True) from None


def _mail(
    connection: smtplib.SMTP,
    delivery: Delivery,
    target: _Target,
    message: EmailMessage,
    log: _Log,
) -> None:
    """One mail to one address, which no other recipient learns of.

    Raises:
        SendingError: it was refused, or nobody knows.
    """
    content = message.as_bytes()
    # a server that has a limit says so before the megabytes have gone over
    options = [f"size={len(content)}"] if connection.has_extn("size") else []
    is_begun = False
    try:
        for code, words in (
            connection.mail(_address(delivery.sender), options),
            connection.rcpt(_address(target.address)),
        ):
            _accepted(target, code, words)
        log.write(target, "begun")
        is_begun = True
        try:
            code, words = connection.data(content)
        except smtplib.SMTPDataError as error:  # before anything of the mail went over
            code, words = error.smtp_code, _bytes(error.smtp_error)
        log.write(target, "sent" if code == 250 else "refused")
        _accepted(target, code, words)
    except (OSError, smtplib.SMTPException) as error:
        if not is_begun:
            raise SendingError(
                f"{target}: the mail server ended the talk ({_short(error)})", passes=True
            ) from None
        log.write(target, "unknown")
        raise SendingError(
            f"{target}: the connection broke off ({_short(error)}) before the server confirmed."
            f" {NOBODY_KNOWS}"
        ) from None
    except SendingError:
        with suppress(OSError, smtplib.SMTPException):
            connection.rset()
        raise


def _accepted(target: _Target, code: int, words: bytes) -> None:
    if code not in (250, 251):
        said = one_line(words.decode("utf-8", "replace"))[:200]
        raise SendingError(
            f"{target}: the mail server refused ({code} {said})", passes=400 <= code < 500
        )


def _bytes(words: bytes | str) -> bytes:
    return words if isinstance(words, bytes) else words.encode()


def _address(written: str) -> str:
    """The address alone, of "Name <address>"."""
    from email.utils import parseaddr

    return parseaddr(written)[1]


def _short(error: Exception) -> str:
    """What went wrong, without the server's words, which may repeat what was said to it."""
    if isinstance(error, socket.gaierror):
        return "no such host"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"answer {error.smtp_code}"
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__
