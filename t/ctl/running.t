#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# betterauthctl beside a running server: it learns from httpd where everything is, and what it revokes, bans or deletes
# no child lets in once more, although the cache of sessions knew it.
use strict;
use warnings;
use BATest -own;
use BATest::Ctl;
use BATest::Httpd;
use BATest::Sites;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $EXTRA = "    BetterAuthAdmin on\n" . BATest::Sites::programs();
expect_log('AH01617', 'AH01618');
my $db = private_mariadb('ctl');
$db->create('ctl', schema('mysql'));

sub page { my ($site, $cookie) = @_; return request($site, GET => '/members/page.html', cookie => $cookie)->{status} }
sub sign_in { my ($site, $email, $password) = @_; return post($site, '/sign-in/email', { email => $email, password => $password // PASSWORD }) }
sub program { my ($site, $email) = @_; return request($site, GET => '/programs/env', headers => basic($email, PASSWORD))->{status} }
sub warm { my ($site, $cookie) = @_; my @said = parallel(6, sub { join '', map { page($site, $cookie) } 1 .. 3 }); return scalar grep { $_ ne '200200200' } @said }

for my $dialect (qw(mysql sqlite)) {
    subtest $dialect => sub {
        my $site = "ctl-$dialect";
        my $httpd = private_httpd(name => $site, extra => $EXTRA, cache => 'BetterAuthSessionCache shmcb:x(600000) 60',
            $dialect eq 'mysql' ? (mariadb => $db, database => 'ctl') : ());
        my @of = BATest::Ctl::of_httpd($httpd);
        my $ctl = sub { BATest::Ctl::run(undef, @of, @_) };
        my $ok = sub {
            my ($name, @args) = @_;
            my $did = $ctl->(@args);
            is($did->{status}, 0, $name) or diag $did->{err};
            return $did;
        };

        my $email = new_email();
        my $made = BATest::Ctl::run(PASSWORD . "\n", @of, '--json', qw(user add --verified --name), "Zo\xc3\xab", $email);
        is($made->{status}, 0, 'a user is added') or diag $made->{err};
        is($made->{json}{name}, "Zo\x{eb}", 'with a name');
        is(sign_in($site, $email)->{status}, 200, 'who signs in');
        is(BATest::Ctl::run(PASSWORD . "\n", @of, qw(user add), $email)->{status}, 1, 'not twice');
        like(BATest::Ctl::run("short\n", @of, qw(user add), new_email())->{err}, qr/8 to 128 characters/, 'with a password as the server wants them');

        # each way to end a session; the cookie is in the cache of every child when it happens
        my $session_of = sub { $ok->('sessions are listed', '--json', qw(session list), $email)->{json}[0]{id} };
        my @ends = (
            ['session revoke ID', sub { $ok->('revoked', qw(session revoke), $session_of->()) }],
            ['session revoke --user', sub { $ok->('revoked', qw(session revoke --user), $email) }],
            ['session revoke --all', sub { $ok->('revoked', qw(session revoke --all --yes)) }],
            ['user set-password', sub { is(BATest::Ctl::run(PASSWORD . "\n", @of, qw(user set-password), $email)->{status}, 0, 'set') }],
            ['user ban', sub { $ok->('banned', qw(user ban), $email, '--reason', 'spam') }],
            ['user delete', sub { $ok->('deleted', qw(user delete --yes), $email) }],
        );
        for my $row (@ends) {
            my ($name, $end) = @$row;
            my $cookie = cookie_header(sign_in($site, $email));
            is(warm($site, $cookie), 0, "$name: known to all children");
            $end->();
            is_deeply([grep { $_ != 401 } map { page($site, $cookie) } 1 .. 24], [], "$name: no child lets it in again");
            next unless $name eq 'user ban';
            is(sign_in($site, $email)->{json}{code}, 'BANNED_USER', 'and nobody signs in');
            is($ok->('it shows', '--json', qw(user show), $email)->{json}{banReason}, 'spam', 'the reason is kept');
            $ok->('unbanned', qw(user unban), $email);
            is(sign_in($site, $email)->{status}, 200, 'until it is lifted');
        }
        is($ctl->(qw(user show), $email)->{status}, 1, 'nobody is left');

        # HTTP Basic: a password that all children believe
        $email = sign_up($site, password => PASSWORD)->{email};
        for my $row (['a ban', 0, qw(user ban)], ['the end of it', 1, qw(user unban)], ['deletion', 0, qw(user delete --yes)]) {
            my ($what, $good, @command) = @$row;
            my @before = parallel(6, sub { join ' ', map { program($site, $email) } 1 .. 3 });
            is(scalar(grep { $_ ne join ' ', ($good ? 401 : 200) x 3 } @before), 0, "a program, before $what");
            $ok->($what, @command, $email);
            is_deeply([grep { $_ != ($good ? 200 : 401) } map { program($site, $email) } 1 .. 12], [], "and at once after $what");
        }

        my $user = sign_up($site);
        my $cookie = cookie_header(sign_in($site, $user->{email}));
        is(warm($site, $cookie), 0, 'a change of the user');
        $ok->('verified', qw(user verify), $user->{email});
        is_deeply([grep { !$_ } map { request($site, GET => '/api/auth/get-session', cookie => $cookie)->{json}{user}{emailVerified} } 1 .. 12], [], 'is seen at once');
        is($ok->('role', qw(user role), $user->{email}, 'editor')->{status}, 0, 'a role');
        is($ok->('is shown', '--json', 'user', 'list', 'USER')->{json}[0]{role}, 'editor', 'is in the list');

        # a restart keeps the counters, a stop removes the file
        my $file = (glob "$httpd->{dir}/logs/*.betterauth-1")[0];
        ok($file && (stat $file)[2] & 0600 && !((stat $file)[2] & 0077), 'the counters are the owner\'s alone');
        $httpd->signal('USR1');
        sleep 2;
        is(warm($site, $cookie), 0, 'after a graceful restart');
        $ok->('revoked', qw(session revoke --user), $user->{email});
        is_deeply([grep { $_ != 401 } map { page($site, $cookie) } 1 .. 24], [], 'the new generation hears of it');

        my $check = $ctl->('--json', 'check');
        my %found = map { $_->{what} => $_ } @{ $check->{json} };
        is($found{$_}{state}, 'ok', "check: $_") or diag $check->{out} for qw(database tables server revocation);

        # whoever may not tell the server says so
        chmod 0, $file;
        my $late = $ctl->(qw(session revoke --user), $user->{email});
        is($late->{status}, $> ? 4 : 0, 'a server that cannot be told is an exit status of its own');
        like($late->{err}, qr/could not be told/, 'and a line') if $>;
        chmod 0600, $file;

        $httpd->stop;
        ok(!-e $file, 'a stop removes the file');
        $ok->('without a server nobody is to be told', qw(session revoke --all --yes));

        # what a server that was killed has left behind
        open my $stale, '>', $file or die;
        print {$stale} 'x';
        close $stale;
        $httpd->start_again;
        for (1 .. 100) { last if -e $httpd->pid_file && request($site, GET => '/api/auth/ok'); select undef, undef, undef, 0.05 }
        $cookie = cookie_header(sign_in($site, $user->{email}));
        is(warm($site, $cookie), 0, 'the next server');
        $ok->('revoked', qw(session revoke --user), $user->{email});
        is_deeply([grep { $_ != 401 } map { page($site, $cookie) } 1 .. 12], [], 'has counters of its own');
        $httpd->stop;
    };
}

subtest 'what httpd says is for betterauthctl alone' => sub {
    my $conf = "BetterAuthSecret " . SECRET . "\nDBDriver sqlite3\nDBDParams /nowhere.db\n";
    my ($status, $said) = BATest::Httpd->configtest(dir => BATest::state()->{workdir} . '/ctl-dump', conf => $conf,
        load => BATest::Httpd::load_modules(BATest::state()->{flavours}{plain}{module}), how => '-D DUMP_BETTERAUTH_CTL 2>&1 3>&-');
    like($said, qr/BA0194: DUMP_BETTERAUTH_CTL is for betterauthctl/, 'nothing is told without a pipe');
    unlike($said, qr/nowhere/, 'above all not the database');
};

done_testing;
