"""The security manager, as far as an administrator needs it; users are rows as in Flask-AppBuilder."""

import hashlib


class SecurityManager:
    app = None

    def find_role(self, name):
        return next((row.name for row in self.app.run("select name from ab_role where name = :name", name=name)), None)

    def find_user(self, username):
        rows = self.app.run("select username from ab_user where username = :username", username=username)
        return next((row.username for row in rows), None)

    def add_user(self, username, first_name, last_name, email, role, password=""):
        if not role:
            return False
        self.app.run(
            "insert into ab_user values (:username, :first_name, :last_name, :email, :role, :password)",
            username=username, first_name=first_name, last_name=last_name, email=email, role=role,
            password=hashlib.sha256(password.encode()).hexdigest(),
        )
        return username


security_manager = SecurityManager()
