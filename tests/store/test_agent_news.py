"""News for agents: each note is seen by whoever looks, once, and also when its transaction ends last."""

from sqlalchemy import insert

from tandem.api.http.agent_listeners import News
from tandem.store import agent_news
from tandem.store.database import Database
from tandem.store.schema.tables import agent_news as notes


def look(news: News, database: Database) -> set[str] | None:
    with database.reading() as connection:
        return news.look(connection)


def note(database: Database, **values: object) -> None:
    with database.writing() as connection:
        connection.execute(insert(notes).values(values))


def test_a_note_is_seen_once(database: Database) -> None:
    note(database, backup_server_uid="before")
    news = News()
    assert look(news, database) is None, "at first, it may be anybody"
    assert look(news, database) == set()
    note(database, backup_server_uid="one")
    note(database, backup_server_uid="two")
    assert look(news, database) == {"one", "two"}
    assert look(news, database) == set()


def test_a_note_whose_transaction_ends_last_is_seen_too(database: Database) -> None:
    news = News()
    look(news, database)
    note(database, serial=8, backup_server_uid="quick")
    assert look(news, database) == {"quick"}
    note(database, serial=5, backup_server_uid="slow")
    assert look(news, database) == {"slow"}
    assert look(news, database) == set()


def test_old_notes_go_and_the_newest_stay(database: Database) -> None:
    note(database, serial=1, backup_server_uid="old")
    note(database, serial=agent_news.KEPT + 1, backup_server_uid="new")
    with database.writing() as connection:
        agent_news.delete_old_news(connection)
    with database.reading() as connection:
        assert agent_news.news_since(connection, 0, []) == [(agent_news.KEPT + 1, "new")]
