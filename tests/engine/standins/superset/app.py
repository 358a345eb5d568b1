"""create_app, as the generated init script and gunicorn use it."""

import contextlib
import importlib.util
import os
import sys

DEFAULT_SECRET_KEY = "CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET"


def load_config():
    """Where Superset looks: the file SUPERSET_CONFIG_PATH names, else the module superset_config on PYTHONPATH."""
    path = os.environ.get("SUPERSET_CONFIG_PATH")
    if path:
        spec = importlib.util.spec_from_file_location("superset_config", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["superset_config"] = module
        spec.loader.exec_module(module)
    else:
        import superset_config as module
    config = {"AUTH_ROLE_ADMIN": "Admin", "SECRET_KEY": DEFAULT_SECRET_KEY, "SQLALCHEMY_ENGINE_OPTIONS": {}}
    config.update({name: getattr(module, name) for name in dir(module) if name.isupper()})
    return config


class App:
    def __init__(self):
        import sqlalchemy

        self.config = load_config()
        if self.config["SECRET_KEY"] == DEFAULT_SECRET_KEY:
            sys.exit("superset: refusing to start due to insecure SECRET_KEY")
        self.engine = sqlalchemy.create_engine(
            self.config["SQLALCHEMY_DATABASE_URI"], **self.config["SQLALCHEMY_ENGINE_OPTIONS"]
        )

    @contextlib.contextmanager
    def app_context(self):
        from superset import extensions

        extensions.security_manager.app = self
        yield self

    def run(self, statement, **values):
        import sqlalchemy

        with self.engine.begin() as connection:
            result = connection.execute(sqlalchemy.text(statement), values)
            return result.fetchall() if result.returns_rows else []


def create_app():
    return App()
