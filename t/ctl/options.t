#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# What the options and smaller commands of betterauthctl do to the rows, and to those that they are not about.
use strict;
use warnings;
use BATest -own;
use BATest::Ctl qw(says slurp write_file);
use BATest::Sites;
use File::Path qw(make_path);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $state = BATest::state();
my $dir = "$state->{workdir}/ctl-options";
make_path($dir);
mariadb()->create('ctl_options', schema('mysql'));
write_file("$dir/mysql", 'mysql:' . mariadb()->dbd_params('ctl_options') . "\n");

my @TABLES = qw(user account session verification ba_mail);
my $HASH = '{SHA}v2wzLWBJUCKoi7ktfXB8DcnjRA4=';

for my $dialect (qw(mysql sqlite)) {
    my $site = "ctl-options-$dialect";
    my %where = $dialect eq 'mysql' ? (mariadb => mariadb(), database => 'ctl_options') : (file => "$dir/site.db");
    my @on = ('--database', $dialect eq 'mysql' ? "file:$dir/mysql" : "sqlite3:$dir/site.db");
    my $ctl = sub { BATest::Ctl::run(undef, @on, @_) };
    # httpd's own words, with these directives in the site
    my $asking = sub { my ($name, $extra) = @_; return BATest::Ctl::of_conf("$dir/$dialect-$name", BATest::Sites::vhost($site, %where, extra => $extra)) };
    my @of = $asking->('bare', '');
    is($ctl->('init')->{status}, 0, "$dialect: tables");

    my $all = sub { return { map { my $table = $_; $table => [sql($site, "SELECT * FROM $table ORDER BY id")] } @TABLES } };
    my $one = sub { return (sql($site, $_[0]))[0][0] };
    my $ids = sub { my ($table) = @_; return join ' ', map { $_->[0] } sql($site, "SELECT id FROM $table ORDER BY id") };
    my $at = sub { return "'" . moment($site, $_[0]) . "'" };
    my $rows = sub { my ($table, @rows) = @_; sql($site, "INSERT INTO $table VALUES " . join(', ', map { "($_)" } @rows) . ';') };
    # sessions of a user, of which these ids are over
    my $sessions = sub {
        my ($user, %over) = @_;
        $rows->('session (id, userId, token, expiresAt, createdAt, updatedAt)', map { "'$_', '$user', 'token-of-$_', " . join ', ', $at->($over{$_} ? -600 : 600), $at->(-900), $at->(-900) } sort keys %over);
    };
    my $begin = sub {
        sql($site, join ' ', map { "DELETE FROM $_;" } qw(session account verification ba_mail user));
        write_file("$dir/people.csv", "id,email,password\nann,ann\@example.com,$HASH\nbob,bob\@example.com,$HASH\n");
        is(BATest::Ctl::run(undef, @on, qw(import csv), "$dir/people.csv")->{status}, 0, 'two people');
    };

    subtest "$dialect: user add" => sub {
        $begin->();
        my $add = sub { my ($name, @args) = @_; return says($name, "long enough\n", [@on, '--json', qw(user add), @args], 0)->{json} };
        is($add->('without a role', 'a@example.com')->{role}, 'user', 'is the usual one');
        is($add->('--role', qw(b@example.com --role editor))->{role}, 'editor', 'is shown');
        is($one->(q{SELECT role FROM user WHERE email = 'b@example.com'}), 'editor', 'and kept');
        is($add->('two', qw(c@example.com --role), 'user,editor')->{role}, 'user,editor', 'with a comma');
        my $verified = $add->('--verified', qw(d@example.com --verified --name), 'Dora D');
        is_deeply([@$verified{qw(name emailVerified role password)}], ['Dora D', JSON::PP::true(), 'user', 'argon2id'], 'and a name');
        is($add->('without', qw(-n), 'Eve', 'e@example.com')->{emailVerified}, JSON::PP::false(), 'is not');
        is($add->('--no-password', qw(f@example.com --no-password))->{password}, undef, 'has none');
        my $before = $all->();
        says('a role, where there are none', "long enough\n", [@of, qw(user add g@example.com --role editor)], 1, qr/BetterAuthAdmin on/);
        says('one that is there', "long enough\n", [@on, qw(user add A@example.com --role editor)], 1, qr/there is a user a\@example\.com already/);
        is_deeply($all->(), $before, 'add nobody');
    };

    subtest "$dialect: user verify" => sub {
        $begin->();
        my $verified = sub { join ' ', map { $_->[0] } sql($site, 'SELECT id FROM user WHERE emailVerified = 1 ORDER BY id') };
        is($verified->(), '', 'nobody is');
        says('by address', undef, [@on, qw(user verify ANN@example.com)], 0, qr/^ann\@example\.com is verified\.$/m);
        is($verified->(), 'ann', 'is that one alone');
        is_deeply(says('by id', undef, [@on, qw(--json user verify bob)], 0)->{json}, { verified => 1 }, 'in JSON');
        is($verified->(), 'ann bob', 'is, too');
        says('again', undef, [@on, qw(user verify bob)], 0);
        says('nobody', undef, [@on, qw(user verify eve@example.com)], 1, qr/there is no user eve\@example\.com/);
    };

    subtest "$dialect: --keep-sessions" => sub {
        $begin->();
        $sessions->('ann', map { $_ => 0 } qw(s1 s2));
        $sessions->('bob', s3 => 0);
        my $hash = sub { $one->(q{SELECT password FROM account WHERE userId = 'ann'}) };
        my $set = sub { says($_[0], "another one\n", [@on, qw(user set-password ann@example.com), @{ $_[1] }], 0, $_[2]) };
        $set->('a new password', ['--keep-sessions'], qr/^ann\@example\.com has a new password\.$/m);
        like(my $first = $hash->(), qr/^\$argon2id\$/, 'is there');
        is($ids->('session'), 's1 s2 s3', 'and so are the sessions');
        $set->('without the option', [], qr/their sessions have ended/);
        isnt($hash->(), $first, 'a new password again');
        is($ids->('session'), 's3', 'and only the others\' sessions');
        $sessions->('ann', s4 => 0);
        says('a ban', undef, [@on, qw(user ban ann --keep-sessions)], 0, qr/their sessions have ended/);
        is($ids->('session'), 's3', 'keeps none');
    };

    subtest "$dialect: user ban" => sub {
        $begin->();
        for (['90' => 90], ['90s' => 90], ['10m' => 600], ['12h' => 43200], ['7d' => 604800]) {
            my ($for, $seconds) = @$_;
            says("--for $for", undef, [@on, qw(user ban ann --reason spam --for), $for], 0);
            my ($reason, $ends) = @{ (sql($site, "SELECT banReason, banExpires FROM user WHERE id = 'ann'"))[0] };
            is($reason, 'spam', 'for that reason');
            ok($ends ge moment($site, $seconds - 20) && $ends le moment($site, $seconds), "until then: $ends");
        }
        says('--for 0', undef, [@on, qw(user ban bob --for 0)], 2, qr/7d, 12h/);
        says('--for 7w', undef, [@on, qw(user ban bob --for 7w)], 2, qr/7d, 12h/);
        is($ids->("user WHERE banned = 1"), 'ann', 'who got none is not banned');
        says('without --for', undef, [@on, qw(user ban ann)], 0);
        is_deeply((sql($site, q{SELECT banReason, banExpires FROM user WHERE id = 'ann'}))[0], ['No reason', undef], 'a ban has no end');
    };

    subtest "$dialect: session revoke" => sub {
        $begin->();
        $sessions->('ann', map { $_ => 0 } qw(s1 s2 s3 s4));
        $sessions->('bob', map { $_ => 0 } qw(s5 s6));
        says('an id that is there, one that is not', undef, [@on, qw(session revoke s1 s9)], 1, qr/there is no session s9/);
        is($ids->('session'), 's2 s3 s4 s5 s6', 'the first has ended');
        says('one that is not there, one that is', undef, [@on, qw(session revoke s9 s2)], 1, qr/there is no session s9/);
        is($ids->('session'), 's2 s3 s4 s5 s6', 'the second has not');
        is_deeply(says('two ids', undef, [@on, qw(-j session revoke s2 s5)], 0)->{json}, { sessions => 2 }, 'in JSON');
        is($ids->('session'), 's3 s4 s6', 'are gone');
        says('one', undef, [@on, qw(session revoke s4)], 0, qr/^1 session has ended\.$/m);
        says('a token is no id', undef, [@on, qw(session revoke token-of-s3)], 1, qr/there is no session/);
        says("@$_", undef, [@on, qw(session revoke), @$_], 2, qr/takes IDs, or --user USER, or --all/)
            for [], [qw(s3 --all)], [qw(s3 --user ann)], [qw(--all --user ann)], [qw(--all --yes -u ann s3)];
        says('--user who is nobody', undef, [@on, qw(session revoke --user eve@example.com)], 1, qr/there is no user eve/);
        says('--all asks', undef, [@on, qw(session revoke --all)], 1, qr/--yes.*nothing was ended/s);
        is($ids->('session'), 's3 s6', 'none of which ends any');
        says('--user', undef, [@on, qw(session revoke --user ANN@example.com)], 0, qr/^All sessions of ann\@example\.com have ended\.$/m);
        is($ids->('session'), 's6', 'ends theirs');
        is_deeply(says('-u and an id', undef, [@on, qw(--json session revoke -u bob)], 0)->{json}, { users => 1 }, 'in JSON');
        is($ids->('session'), '', 'too');
        $sessions->('ann', map { sprintf('t%04d', $_) => 0 } 1 .. 1201);
        is_deeply(says('--all of many', undef, [@on, qw(-j -y session revoke -a)], 0)->{json}, { sessions => 1201 }, 'the number');
        is($ids->('session'), '', 'none is left');
    };

    subtest "$dialect: mail retry" => sub {
        $begin->();
        my $mail = sub { my ($id, $due, $error) = @_; return "'$id', 'http://x', 'a', '$id\@example.com', 'x', " . join ', ', $at->(-900), $due, 3, $error };
        $rows->('ba_mail (id, site, sender, recipient, message, createdAt, dueAt, attempts, lastError)', (map { $mail->($_, $at->(9000), "'refused'") } qw(m1 m2 m3)),
            $mail->('m4', $at->(9000), 'NULL'), $mail->('m5', 'NULL', "'no such user'"));
        my $due = sub { join ' ', map { $_->[0] } sql($site, 'SELECT id FROM ba_mail WHERE dueAt <= ' . $at->(1) . ' ORDER BY id') };
        says($_->[0], undef, [@on, qw(mail retry), $_->[1]], 1, qr/no mail $_->[1] waits after an attempt that failed; one that was given up has lost its text/)
            for ['an unknown id', 'm9'], ['one that was not tried', 'm4'], ['one that was given up', 'm5'];
        is($due->(), '', 'none is due');
        says('one', undef, [@on, qw(mail retry m1)], 0, qr/^1 mail is due now; the server sends within seconds\.$/m);
        is($due->(), 'm1', 'that one is');
        is_deeply([@{ (sql($site, q{SELECT attempts, lastError, message FROM ba_mail WHERE id = 'm1'}))[0] }], [3, 'refused', 'x'], 'with what it was');
        says('one, and one that is not there', undef, [@on, qw(mail retry m2 m9 m3)], 1, qr/no mail m9/);
        is($due->(), 'm1 m2', 'those before it are');
        says('two', undef, [@on, qw(mail retry m2 m3)], 0, qr/^2 mails are due now/m);
        is($due->(), 'm1 m2 m3', 'both are');
        is_deeply(says('in JSON', undef, [@on, qw(--json mail retry m1)], 0)->{json}, { mails => 1 }, 'the number');
        says('an id and --all', undef, [@on, qw(mail retry m1 --all)], 2, qr/takes IDs, or --all/);
    };

    subtest "$dialect: sweep" => sub {
        $begin->();
        my $day = 86400;
        my $fill = sub {
            sql($site, join ' ', map { "DELETE FROM $_;" } qw(session verification ba_mail));
            $sessions->('ann', (map { sprintf('s%04d', $_) => 1 } 1 .. 1203), alive => 0);
            $rows->('verification (id, identifier, value, expiresAt, createdAt, updatedAt)', map { "'$_->[0]', 'i', 'v', " . join ', ', $at->($_->[1]), $at->(-9000), $at->(-9000) }
                ['v1', -600], ['v2', -90000], ['v3', 600], ['v4', -100]);
            my $mail = sub { my ($id, $made, $due, $sent) = @_; return "'$id', 'http://x', 'a', 'b', '', 1, " . join ', ', map { defined $_ ? $at->($_) : 'NULL' } $made, $due, $sent };
            $rows->('ba_mail (id, site, sender, recipient, message, attempts, createdAt, dueAt, sentAt)', map { $mail->(@$_) }
                ['sent-2d', -2 * $day, undef, -2 * $day], ['sent-1h', -3600, undef, -3600], ['given-up-8d', -8 * $day], ['given-up-6d', -6 * $day], ['waits-8d', -8 * $day, 600]);
        };
        my $left = sub { join ', ', map { $ids->($_) } qw(session verification ba_mail) };
        $fill->();
        says('counts each', undef, [@on, 'sweep'], 0, qr/^Swept: 1203 sessions, 2 verifications, 2 mails\.$/m);
        is($left->(), 'alive, v3 v4, given-up-6d sent-1h waits-8d', 'and leaves what is not over, nor has been for long');
        says('once more', undef, [@on, 'sweep'], 0, qr/^Swept: 0 sessions, 0 verifications, 0 mails\.$/m);
        $fill->();
        is_deeply(says('in JSON', undef, [@on, qw(--json sweep)], 0)->{json}, { rows => 1207 }, 'all together');
        $fill->();
        says('with a site', undef, [$asking->('limit', "BetterAuthMailLimit 5 3d\n"), 'sweep'], 0, qr/1203 sessions, 2 verifications, 1 mails/);
        is($left->(), 'alive, v3 v4, given-up-6d sent-1h sent-2d waits-8d', 'mails are kept as long as its limit counts them');
        is($ids->('user'), 'ann bob', 'nobody is swept');
    };

    subtest "$dialect: export --json" => sub {
        $begin->();
        is(BATest::Ctl::run("long enough\n", @on, qw(user add z@example.com --verified --role editor --name), "Zo\xc3\xab \"Z\", a\nb")->{status}, 0, 'one more');
        says('without a password', undef, [@on, qw(user add y@example.com --no-password)], 0);
        my $export = sub { return map { JSON::PP->new->utf8->decode($_) } split /\n/, says($_[0], undef, [@on, qw(export --json), @_[1 .. $#_]], 0)->{out} };
        my %user = map { $_->{email} => $_ } $export->('a line each');
        is(join(' ', sort keys %user), 'ann@example.com bob@example.com y@example.com z@example.com', 'all users');
        my $z = $user{'z@example.com'};
        is_deeply([@$z{qw(name emailVerified role image banned)}], ["Zo\x{eb} \"Z\", a\nb", JSON::PP::true(), 'editor', undef, JSON::PP::false()], 'with their values');
        is_deeply([@{ $user{'ann@example.com'} }{qw(id emailVerified password)}], ['ann', JSON::PP::false(), $HASH], 'their hashes');
        like($z->{password}, qr/^\$argon2id\$/, 'of whatever form');
        ok(exists $user{'y@example.com'}{password} && !defined $user{'y@example.com'}{password}, 'none is null');
        like($z->{$_}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, $_) for qw(createdAt updatedAt);
        is(scalar(grep { exists $_->{password} } $export->('without hashes', '--no-password')), 0, 'has none');
        unlike($ctl->(qw(export --json --no-password))->{out}, qr/argon2id|SHA/, 'nowhere');

        sql($site, 'ALTER TABLE user ADD COLUMN note varchar(20);');
        sql($site, "UPDATE user SET note = 'for us alone' WHERE id = 'ann'");
        my ($ann) = grep { $_->{id} eq 'ann' } map { JSON::PP->new->utf8->decode($_) } split /\n/, says('with a column that the API hides', undef, [$asking->('hidden', "BetterAuthField user note string hidden\n"), qw(export --json)], 0)->{out};
        is($ann->{note}, 'for us alone', 'which is there, as in the CSV file');
        sql($site, 'ALTER TABLE user DROP COLUMN note;');
    };

    subtest "$dialect: import --dry-run" => sub {
        $begin->();
        write_file("$dir/new.csv", "email,name,password\nann\@example.com,Other,\nc\@example.com,C,$HASH\nd\@example.com,D,\nnobody,,\n");
        write_file("$dir/new.htpasswd", "ann:$HASH\nc:$HASH\nd:$HASH\n");
        unlink "$dir/source.db";
        BATest::Ctl::run(undef, '--database', "sqlite3:$dir/source.db", 'init');
        BATest::Ctl::run(undef, '--database', "sqlite3:$dir/source.db", qw(user add --no-password), $_) for qw(c@example.com d@example.com);
        for (['csv', 1, "$dir/new.csv"], ['htpasswd', 0, "$dir/new.htpasswd", qw(--domain example.com)], ['better-auth', 0, "sqlite3:$dir/source.db"]) {
            my ($kind, $status, @args) = @$_;
            $begin->();
            my $before = $all->();
            my $dry = says("$kind --dry-run", undef, [@on, 'import', $kind, @args, '--dry-run'], $status, qr/^Nothing was written; whether somebody is there already was not asked\.$/m);
            is_deeply($all->(), $before, "$kind: writes nothing");
            my $json = $ctl->('--json', 'import', $kind, @args, '--dry-run')->{json};
            is_deeply($all->(), $before, "$kind: nor in JSON");
            my $done = says($kind, undef, [@on, '--json', 'import', $kind, @args], $status)->{json};
            is($json->{$_}, $kind eq 'better-auth' || $_ ne 'added' ? $done->{$_} : $done->{added} + $done->{there}, "$kind: $_ was foretold") for qw(added refused);
            is($ids->(q{user WHERE email IN ('ann@example.com', 'c@example.com', 'd@example.com')}) =~ tr/ //, 2, "$kind: without the option two are added");
        }
        # none of the users of a full batch either
        write_file("$dir/many.csv", "email\n" . join '', map { sprintf "p%04d\@example.com\n", $_ } 1 .. 450);
        my $before = $all->();
        is($ctl->(qw(--json import csv --dry-run), "$dir/many.csv")->{json}{added}, 450, 'many');
        is_deeply($all->(), $before, 'nor are written');
    };
}

# As root, or who takes himself for it, which is what installs the package.
subtest '--owner' => sub {
    my $n = 0;
    # owner and mode of what was made, and what was said
    my $makes = sub {
        my ($name, $owner, $status, @args) = @_;
        my $file = "$dir/owned-" . ++$n . '.db';
        my $said = qx(@{[ join ' ', map { "'$_'" } 'fakeroot', 'sh', '-c', '"$@" 2>&1; echo "status $?"; stat -c "%U %G %a" $0 2>&1', $file, BATest::Ctl::binary(), map { s/FILE/$file/r } @args ]});
        like($said, qr/^status $status$/m, "$name: exit status");
        like($said, $owner ? qr/^$owner 600$/m : qr/cannot statx?.*No such file/, "$name: whose it is") or diag $said;
        return $said;
    };
    my @on = ('--database', 'sqlite3:FILE');
    my $install = $makes->('init, as the package does', 'www-data www-data', 0, qw(init), @on, '--secret-file', "$dir/owner.secret", qw(--owner www-data));
    unlike($install, qr/belongs to root/, 'nobody is warned');
    $makes->('migrate up', 'daemon daemon', 0, qw(migrate up), @on, qw(--owner daemon));
    like($makes->('nobody is named', 'root root', 0, qw(migrate up), @on), qr/\S+ belongs to root: .*see --owner/, 'is a line');
    my $conf = sub { BATest::Ctl::of_conf("$dir/owner-" . ++$n, "User daemon\n<VirtualHost 127.0.0.1:9>\nDBDriver sqlite3\nDBDParams FILE\nBetterAuthSecret " . SECRET . "\n</VirtualHost>\n") };
    for (['the user of httpd\'s children', 'daemon daemon'], ['unless another is named', 'www-data www-data', qw(--owner www-data)]) {
        my ($name, $owner, @more) = @$_;
        my @of = $conf->();
        my $site = "$dir/owner-$n/site.conf";
        write_file($site, slurp($site) =~ s/FILE/"$dir\/owned-" . ($n + 1) . '.db'/er);
        unlike($makes->($name, $owner, 0, @of, 'init', @more), qr/belongs to root/, 'nobody is warned');
    }
    like($makes->('who does not exist', undef, '[1-9]', qw(migrate up), @on, qw(--owner no-such-user)), qr/no-such-user/, 'is named');
    # whoever is there already stays
    my $file = "$dir/owned-" . ($n + 1) . '.db';
    write_file($file, '');
    chmod 0600, $file;
    $makes->('a file that is there', 'root root', 0, qw(migrate up), @on, qw(--owner daemon));
};

done_testing;
