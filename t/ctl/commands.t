#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# betterauthctl on databases alone: what it makes, how it asks and answers, what it refuses; its manual.
use strict;
use warnings;
use BATest -own;
use BATest::Ctl qw(says slurp write_file);
use BATest::MariaDB;
use File::Path qw(make_path);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $state = BATest::state();
my $dir = "$state->{workdir}/ctl-commands";
make_path($dir);

# At a terminal: each prompt is answered with the next of keys. Answers { exit, hidden: how often the terminal showed
# nothing then, shown: whether it shows again what is typed, screen }.
sub at_terminal {
    my ($keys, @args) = @_;
    write_file("$dir/terminal.py", <<'END');
import json, os, pty, sys, termios
keys, args = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(args[0], args)
shows = lambda: bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
screen, hidden = b'', 0
while True:
    try:
        got = os.read(terminal, 1024)
    except OSError:
        break
    screen += got
    if screen.endswith(b': ') and keys:
        while shows(): pass    # the prompt comes before, and what is typed then is lost
        hidden += 1
        os.write(terminal, keys.pop(0).encode())
print(json.dumps({'exit': os.waitpid(pid, 0)[1], 'hidden': hidden, 'shown': shows(), 'screen': screen.decode()}))
END
    open my $said, '-|', 'timeout', 20, 'python3', "$dir/terminal.py", JSON::PP->new->ascii->encode($keys), BATest::Ctl::binary(), @args or die "python3: $!";
    return JSON::PP->new->decode(scalar(<$said>) // '{}');
}

mariadb()->create('ctl_commands');
write_file("$dir/mysql", 'mysql:' . mariadb()->dbd_params('ctl_commands') . "\n");
my %database = (mysql => "file:$dir/mysql", sqlite => "sqlite3:$dir/new.db");

for my $dialect (sort keys %database) {
    subtest $dialect => sub {
        my @on = ('--database', $database{$dialect});
        my $ctl = sub { BATest::Ctl::run(undef, @on, @_) };
        my $sql = sub { $dialect eq 'mysql' ? mariadb()->sql($_[0], 'ctl_commands') : BATest::MariaDB::_pipe($_[0], 'sqlite3', "$dir/new.db") };

        says('a file that is not there', undef, [@on, qw(user list)], 3, qr/there is no database/) if $dialect eq 'sqlite';
        says('no tables', undef, [@on, qw(user list)], 3, qr/the database: /) if $dialect eq 'mysql';
        my $made = says('init', undef, [@on, '--secret-file', "$dir/secret-$dialect", 'init'], 0, qr/BetterAuthSecret file:\Q$dir\E/);
        unlike($made->{out}, qr/ba-test/, 'init shows no password');
        is((stat "$dir/secret-$dialect")[2] & 07777, 0600, 'the secret is its owner\'s alone');
        like(slurp("$dir/secret-$dialect"), qr/\A[A-Za-z0-9]{48}\n\z/, 'and long');
        is((stat "$dir/new.db")[2] & 07777, 0600, 'the database too') if $dialect eq 'sqlite';
        my $before = slurp("$dir/secret-$dialect");
        says('init once more', undef, [@on, '--secret-file', "$dir/secret-$dialect", 'init'], 0, qr/kept.*complete already/s);
        is(slurp("$dir/secret-$dialect"), $before, 'keeps the secret');
        if ($dialect eq 'sqlite') {    # as tables of older servers are
            $sql->('DROP INDEX verification_identifier_idx;');
            says('an index is missing', undef, [@on, qw(migrate up)], 0, qr/complete already/);
            like($sql->('SELECT sql FROM sqlite_master;'), qr/verification_identifier_idx/, 'and is made');
            like(says('no file yet', undef, ['--database', "sqlite3:$dir/not-yet.db", qw(migrate up --dry-run)], 0)->{out}, qr/^-- 001-core\.sql\n.*^CREATE TABLE IF NOT EXISTS "user"/ms, 'all of it is shown');
            ok(!-e "$dir/not-yet.db", 'and none of it is done');
        }
        says('migrate status', undef, [@on, qw(migrate status)], 0, qr/^001-core\.sql\s+done\s+-\n/m);

        # a step that is there in part
        $sql->($dialect eq 'mysql' ? 'ALTER TABLE user DROP COLUMN banReason' : 'ALTER TABLE user DROP COLUMN banReason;');
        says('a column is missing', undef, [@on, qw(migrate status)], 1, qr/^003-admin\.sql\s+in part\s+user\.banReason$/m);
        says('and comes back', undef, [@on, qw(migrate up)], 0, qr/003-admin\.sql: done/);

        says('a user', "long enough\n", [@on, qw(user add Ann@Example.COM)], 0, qr/^email\s+ann\@example\.com$/m);
        says('no address', "long enough\n", [@on, qw(user add ann)], 1, qr/no e-mail address/);
        says('nothing on stdin', '', [@on, qw(user add b@example.com)], 1, qr/no password on stdin/);
        says('without a password', undef, [@on, qw(--no-password user add c@example.com --name), "\e[31mRed\x07"], 0, qr/^name\s+\?\[31mRed\?$/m);
        my $list = $ctl->(qw(user list));
        unlike($list->{out}, qr/[\e\x07]/, 'a name steers no terminal');
        my @lines = split /\n/, $list->{out};
        is(scalar(grep { index($_, '@example.com') == index($lines[0], 'EMAIL') + (/ann\@/ ? 3 : 1) } @lines[1 .. $#lines]), 2, 'columns are aligned');
        is_deeply([map { [@$_{qw(email password banned)}] } @{ $ctl->(qw(--json user list))->{json} }],
            [['ann@example.com', 'argon2id', JSON::PP::false()], ['c@example.com', undef, JSON::PP::false()]], 'in JSON');
        is(scalar @{ $ctl->(qw(--json user list ANN))->{json} }, 1, 'those with a text in them');
        is($ctl->(qw(--json user show), $ctl->(qw(--json user show ann@example.com))->{json}{id})->{json}{email}, 'ann@example.com', 'by id too');
        says('nobody', undef, [@on, qw(user show nobody@example.com)], 1, qr/there is no user nobody/);
        my $seen = at_terminal(["typed by hand\n", "typed by hand\n"], @on, qw(user set-password ann@example.com));
        is($seen->{exit}, 0, 'a password from the terminal') or diag explain $seen;
        is($seen->{hidden}, 2, 'is not shown');
        unlike($seen->{screen}, qr/typed by hand/, 'and not printed');
        like(at_terminal(["typed by hand\n", "typed by foot\n"], @on, qw(user set-password ann@example.com))->{screen}, qr/the two passwords differ/, 'twice the same');
        for (["\cC", 2, 'Ctrl-C'], ["half\cC", 2, 'Ctrl-C in the middle'], ["\c\\", 3, 'Ctrl-\\'], ["\cD", 256, 'Ctrl-D']) {
            my ($key, $exit, $name) = @$_;
            $seen = at_terminal([$key], @on, qw(user set-password ann@example.com));
            is($seen->{exit} & ~128, $exit, "$name ends it") or diag explain $seen;
            ok($seen->{shown}, "$name: the terminal shows again what is typed");
        }
        says('a ban with a time', undef, [@on, qw(user ban ann@example.com --for 12h)], 0, qr/is banned/);
        like($ctl->(qw(--json user show ann@example.com))->{json}{banExpires}, qr/^20\d\d-/, 'that ends');
        says('no time', undef, [@on, qw(user ban ann@example.com --for ever)], 2, qr/7d, 12h/);
        says('a delete asks', undef, [@on, qw(user delete ann@example.com)], 1, qr/--yes.*nothing was deleted/s);
        says('and does it', undef, [@on, qw(--yes user delete ann@example.com)], 0, qr/is deleted/);
        is_deeply([map { $_->{email} } @{ $ctl->(qw(--json user list))->{json} }], ['c@example.com'], 'the others stay');

        # what would not be the same to a browser
        says('a name in another encoding', PASSWORD . "\n", [@on, '--name', "Ren\xe9", qw(user add ren@example.com)], 2, qr/--name is not in UTF-8/);
        says('a name beyond the API\'s', PASSWORD . "\n", [@on, '--name', 'n' x 256, qw(user add ren@example.com)], 2, qr/more than 255 characters/);
        says('a password in another encoding', "p\xe9ssword horse\n", [@on, qw(user set-password c@example.com)], 1, qr/password is not in UTF-8/);
        says('NULL as a name', undef, [@on, qw(--name NULL --no-password user add null@example.com)], 0);
        write_file("$dir/null.csv", $ctl->('export')->{out});
        says('goes', undef, [@on, qw(--yes user delete null@example.com)], 0);
        says('and comes back', undef, [@on, qw(import csv), "$dir/null.csv"], 0, qr/added\s+1\n/);
        is($ctl->(qw(--json user show null@example.com))->{json}{name}, 'NULL', 'as it was');
        says('goes again', undef, [@on, qw(--yes user delete null@example.com)], 0);

        # --dry-run is believed, or refused
        my $rows = $ctl->('export')->{out};
        says("@$_, dry", PASSWORD . "\n", [@on, qw(--dry-run --yes), @$_], 2, qr/nothing was done/) for
            [qw(user add dry@example.com)], [qw(user delete c@example.com)], [qw(user ban c@example.com)], [qw(user verify c@example.com)], [qw(user set-password c@example.com)],
            [qw(session revoke --all)], [qw(mail retry --all)], ['sweep'], ['--secret-file', "$dir/dry", 'init'], ['--secret-file', "$dir/secret-$dialect", qw(secret rotate)];
        is($ctl->('export')->{out}, $rows, 'and nothing was');
        ok(!-e "$dir/dry", 'nor made');
        is(slurp("$dir/secret-$dialect"), $before, 'nor rotated');

        # more than one page of rows
        write_file("$dir/many.csv", "email\n" . join '', map { sprintf "p%04d\@example.com\n", $_ } 1 .. 1001);
        is($ctl->(qw(--json import csv), "$dir/many.csv")->{json}{added}, 1001, 'many users');
        is(scalar @{ $ctl->(qw(--json user list))->{json} }, 1002, 'are all listed');
        is(scalar(() = $ctl->('export')->{out} =~ /^\w+,p\d+\@/mg), 1001, 'and exported');

        my $user = $ctl->(qw(--json user show c@example.com))->{json}{id};
        my ($past, $soon) = $dialect eq 'mysql' ? ('2020-01-01 00:00:00.000', '2037-01-01 00:00:00.000') : ('2020-01-01T00:00:00.000Z', '2037-01-01T00:00:00.000Z');
        $sql->("INSERT INTO session (id, expiresAt, token, createdAt, updatedAt, userId) VALUES ('s1', '$past', 'of-yesterday', '$past', '$past', '$user'), ('s2', '$soon', 'token-of-s2', '$past', '$past', '$user'), ('s3', '$soon', 'token-of-s3', '$past', '$past', '$user');");
        my $sessions = $ctl->(qw(--json session list));
        is_deeply([map { "$_->{id} $_->{email}" } @{ $sessions->{json} }], ['s2 c@example.com', 's3 c@example.com'], 'sessions that are not over');
        unlike($sessions->{out}, qr/token-of/, 'without their tokens');
        says('one that is not there', undef, [@on, qw(session revoke s9)], 1, qr/there is no session s9/);
        says('one', undef, [@on, qw(session revoke s2)], 0, qr/1 session has ended/);
        says('which?', undef, [@on, qw(session revoke)], 2, qr/takes IDs/);
        says('sweep', undef, [@on, 'sweep'], 0, qr/Swept: 1 sessions/);
        says('all', undef, [@on, qw(session revoke --all --yes)], 0, qr/1 sessions have ended/);

        $sql->("INSERT INTO ba_mail (id, site, sender, recipient, message, createdAt, dueAt, attempts, lastError) VALUES ('m1', 'http://x', 'a', 'w\@example.com', 'x', '$past', '$soon', 1, 'refused'),
            ('m2', 'http://x', 'a', 'v\@example.com', 'x', '$past', '$soon', 1, NULL), ('m3', 'http://x', 'a', 'u\@example.com', '', '$past', NULL, 9, 'no such user');");
        is_deeply([map { "$_->{id} $_->{state}" } @{ $ctl->(qw(--json mail queue))->{json} }], ['m1 failed', 'm2 waiting', 'm3 given up'], 'mails');
        says('one that is being sent', undef, [@on, qw(mail retry m2)], 1, qr/no mail m2 waits/);
        says('all that failed', undef, [@on, qw(mail retry --all)], 0, qr/1 mail is due now/);
        says('which?', undef, [@on, qw(mail retry)], 2, qr/takes IDs/);
        cmp_ok((grep { $_->{id} eq 'm1' } @{ $ctl->(qw(--json mail queue))->{json} })[0]{dueAt}, 'lt', '2037', 'are due');
    };
}

subtest 'a new secret' => sub {
    my $file = "$dir/secret-sqlite";
    my @on = ('--database', $database{sqlite}, '--secret-file', $file, qw(secret rotate));
    my $first = slurp($file);
    says('it asks', undef, \@on, 1, qr/--yes/);
    is(slurp($file), $first, 'and does nothing');
    says('rotate', undef, [@on, '--yes'], 0, qr/graceful/) for 1 .. 9;
    my @lines = split /\n/, slurp($file);
    is(scalar @lines, 8, 'eight are kept');
    is(BATest::Ctl::run(undef, '--json', '--yes', @on)->{json}{secrets}, 8, 'and counted');
    @lines = split /\n/, slurp($file);
    is(scalar(grep { /^[A-Za-z0-9]{48}$/ } @lines), 8, 'one a line');
    is((stat $file)[2] & 07777, 0600, 'the owner\'s alone');
    says('drop', undef, [@on, qw(--drop-old --yes)], 0);
    is(slurp($file), "$lines[0]\n", 'the newest stays');
    says('nothing to rotate', undef, [qw(--database), $database{sqlite}, qw(secret rotate)], 1, qr/in no file/);
};

subtest 'wrong use' => sub {
    says('no command', undef, [], 2, qr/which command/);
    says('an unknown one', undef, ['frobnicate'], 2, qr/no command frobnicate/);
    says('half a one', undef, ['user'], 2);
    says('an unknown option', undef, ['--frobnicate'], 2, qr/frobnicate/);
    says('too few', undef, [qw(user show)], 2, qr/takes USER/);
    says('too many', undef, [qw(user show a b)], 2, qr/takes USER/);
    says('a password as an argument', undef, ['--database', 'mysql:host=x pass=secret', qw(user list)], 2, qr/a password is no argument/);
    says('a database of another kind', undef, ['--database', 'oracle:x', qw(user list)], 3, qr/must be mysql or sqlite3/);
    says('one that is down', undef, ['--database', 'mysql:host=127.0.0.1 port=1 user=x dbname=x', qw(user list)], 3, qr/cannot reach/);
    says('one to import from', undef, ['--database', $database{sqlite}, qw(import better-auth), 'mysql:host=x pass=secret'], 2, qr/a password is no argument/);
    says('a new file for nobody who is here', undef, ['--database', "sqlite3:$dir/owned.db", qw(--owner nobody-of-that-name init)], 1, qr/no user nobody-of-that-name/);
    says('for somebody else', undef, ['--database', "sqlite3:$dir/owned.db", qw(--owner root init)], 1, qr/only root/);
    ok(!-e "$dir/owned.db", 'is not made');
    says('a folder of users', undef, ['--database', $database{sqlite}, qw(import), $_, $dir], 1, qr/cannot read \Q$dir\E: Is a directory/) for 'htpasswd', 'csv';
    is(system('/bin/sh', '-c', 'exec "$@" >/dev/full 2>/dev/null', 'sh', BATest::Ctl::binary(), '--database', $database{sqlite}, @$_) >> 8, 1, "@$_: a full disk") for ['export'], [qw(--json user list)], [qw(user list)];
    says('no httpd', undef, ['--httpd', '/nonexistent/httpd', qw(user list)], 1, qr/cannot run|refuses/);
    says('no such configuration', undef, ['--httpd', $ENV{BA_HTTPD} || '/usr/sbin/apache2', '-f', '/nonexistent', qw(user list)], 1, qr/httpd refuses/);
    says('help', undef, ['--help'], 0, qr/usage:.*user set-password USER.*--dry-run/s);
    says('version', undef, ['--version'], 0, qr/^betterauthctl \d/);
};

subtest 'manual' => sub {
    my $help = BATest::Ctl::run(undef, '--help')->{out};
    my $page = slurp("$state->{srcdir}/support/betterauthctl.8") =~ s/\\fR|\\fI|\\fP|\\f\[.\]//gr =~ s/\\//gr;
    my ($commands, $options) = $help =~ /commands:\n(.*)\n\noptions:\n(.*)\n\n/s;
    for (split /\n/, $commands) {
        my ($words) = substr($_, 2, 31) =~ /^([a-z-]+(?: [a-z-]+)?)/;
        like($page, qr/^\.B \Q$words\E|\.B \Q$words\E/m, "the manual has $words");
    }
    for ($options =~ /--([a-z-]+)/g) { next if /^(?:help|version)$/; like($page, qr/--\Q$_\E/, "the manual has --$_") }
};

done_testing;
