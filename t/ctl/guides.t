#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The commands of docs/administration.md and docs/upgrading.md, run as they stand there; those of docs/migrating.md:
# migrating.t.
use strict;
use warnings;
use BATest -own;
use BATest::Ctl;
use BATest::Guide;
use BATest::Httpd;
use BATest::Sites;
use File::Copy qw(copy);
use File::Path qw(make_path);
use Time::HiRes qw(sleep time);

expect_private_log(qw(BA0104 BA0119 BA0120 BA0201 BA0714));    # tables that are not there yet

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $state = BATest::state();
my $dir = "$state->{workdir}/guides";
make_path($dir);

# Who is at the terminal types this, and yes.
write_file("$dir/typed", PASSWORD . "\n");
write_file("$dir/secret", "a secret of forty-eight characters, no less than\n");
chmod 0600, "$dir/secret";

my $admin = "    BetterAuthAdmin on\n";
my $old = private_httpd(name => 'guides-old', extra => "$admin    BetterAuthSecret \"file:$dir/secret\"\n");
my $db = private_mariadb('guides');
$db->create('auth');
my $new = private_httpd(name => 'guides-new', mariadb => $db, database => 'auth', extra => $admin);

# betterauthctl, beside one of them; "check" asks the API by the name that visitors use.
sub beside { my ($site, $httpd) = @_; return 'env http_proxy=http://127.0.0.1:' . BATest::_site($site)->{port} . ' ' . shell_words(BATest::Ctl::binary(), BATest::Ctl::of_httpd($httpd), '--yes') . " <'$dir/typed'" }
sub apachectl { my ($httpd) = @_; return qq{#!/bin/sh\ncase \$1 in configtest) set -- -t ;; *) set -- -k "\$1" ;; esac\nexec } . $httpd->command . qq{ "\$@"\n} }
# One site for some commands, another for the rest.
sub either { my ($words, $one, $other) = @_; return qq{#!/bin/sh\ncase \$1 in $words) exec $one "\$@" ;; *) exec $other "\$@" ;; esac\n} }
sub sign_in { my ($site, $email) = @_; return post($site, '/sign-in/email', { email => $email, password => PASSWORD }) }
sub page { my ($site, $cookie) = @_; return request($site, GET => '/members/page.html', cookie => $cookie)->{status} }
sub lines { my ($file) = @_; open my $in, '<', $file or die "$file: $!"; chomp(my @lines = <$in>); return @lines }

# Until none of those before serves any more.
sub when_replaced {
    my ($httpd, @before) = @_;
    my %before = map { $_ => 1 } @before;
    my $deadline = time + 15;
    sleep 0.05 while (grep { $before{$_} } $httpd->children) && time < $deadline;
    cmp_ok(time, '<', $deadline, 'the children are new ones');
}

my %old = (betterauthctl => beside('guides-old', $old), apachectl => apachectl($old));

subtest 'administration' => sub {
    my $said = guide('administration.md', 'Administration from the shell', "$dir/admin", programs => \%old);
    like($said, qr/^\+ betterauthctl user list\n.*ann\@example\.com.*^\+ betterauthctl user show/ms, 'she was in the list');
    is(user_count('guides-old'), 0, 'and is gone');
};

subtest 'a first set-up' => sub {
    my $me = getpwuid $>;    # only root can make a file for others
    my $said = guide('administration.md', 'A first set-up', "$dir/first", instead => { '/srv/auth' => "$dir/first", '--owner www-data' => $me ? "--owner $me" : '' }, status => { 'betterauthctl migrate status' => 1 },
        programs => { betterauthctl => either('init', shell_words(BATest::Ctl::binary()), beside('guides-new', $new)) });
    my ($conf) = $said =~ /^Write into the configuration of httpd:\n\n(.*?)^\+/ms or return fail('it says what to write into the configuration');
    my ($status, $output) = configtest("TraceEnable off\nBetterAuthBaseURL http://auth.test\n$conf");
    is($status, 0, 'which httpd takes') or diag $output;
    unlike($output, qr/BA0/, 'without a word');
    is((stat "$dir/first/$_")[2] & 07777, 0600, "$_: the owner's alone") for qw(secret auth.db);
    is(post('guides-new', '/sign-up/email', { email => 'first@example.com', password => PASSWORD, name => 'First' })->{status}, 200, 'MySQL: people sign up');
};

subtest 'a new secret' => sub {
    my $email = sign_up('guides-old')->{email};
    my $before = cookie_header(sign_in('guides-old', $email));
    my @children = $old->children;
    guide('administration.md', 'A new secret', "$dir/rotated", programs => \%old);
    when_replaced($old, @children);
    my @secrets = lines("$dir/secret");
    is(scalar @secrets, 2, 'there are two');
    is(page('guides-old', $before), 200, 'a cookie of the old one is good');
    my $cookie = cookie_header(sign_in('guides-old', $email));
    my ($token) = $cookie =~ /session_token=([^.;]+)\./ or die $cookie;
    like($cookie, qr/\Q@{[signed($token, $secrets[0])]}\E/, 'the new one signs');
    @children = $old->children;
    is(BATest::Ctl::run(undef, BATest::Ctl::of_httpd($old), qw(secret rotate --drop-old --yes))->{status}, 0, 'the old one is forgotten');
    $old->signal('USR1');
    when_replaced($old, @children);
    is(page('guides-old', $before), 401, 'its cookie is worth nothing');
    is(page('guides-old', $cookie), 200, 'that of the new one is good');
};

subtest 'mail' => sub {
    sql('guides-old', q{INSERT INTO ba_mail (id, site, sender, recipient, message, createdAt, dueAt, attempts, lastError)
        VALUES ('m1', 'http://x', 'a', 'w@example.com', 'x', '2020-01-01T00:00:00.000Z', '2037-01-01T00:00:00.000Z', 1, 'refused')});
    my $said = guide('administration.md', 'Mail that does not leave', "$dir/mail", programs => \%old);
    like($said, qr/w\@example\.com.*refused/, 'says why a mail has not left');
    cmp_ok((sql('guides-old', q{SELECT dueAt FROM ba_mail WHERE id = 'm1'}))[0][0], 'lt', '2037', 'which is due now');
};

subtest 'in bulk' => sub {
    my $count = user_count('guides-old');
    my $said = guide('administration.md', 'Users in bulk', "$dir/bulk", programs => \%old);
    like($said, qr/^removed users\.csv of mode 600$/m, 'nobody else could read the hashes');
    is(user_count('guides-old'), $count, 'who is there stays');
};

subtest 'upgrading: the tables' => sub {
    my $file = BATest::Sites::file('guides-before');
    make_path($file =~ s{/[^/]*$}{}r);
    BATest::MariaDB::_pipe(BATest::_slurp("$state->{srcdir}/sql/sqlite3/001-core.sql"), 'sqlite3', $file);
    my $httpd = private_httpd(name => 'guides-before', schema => 0, extra => $admin);
    my $said = guide('upgrading.md', 'The module', "$dir/upgrade", status => { 'betterauthctl migrate status' => 1 },
        programs => { betterauthctl => beside('guides-before', $httpd), apachectl => apachectl($httpd) });
    like($said, qr/^Syntax OK$/m, 'httpd is content');
    is(post('guides-before', '/sign-up/email', { email => 'ann@example.com', password => PASSWORD, name => 'Ann' })->{status}, 200, 'people sign up');
    $httpd->stop;
};

subtest 'upgrading: own pages' => sub {
    make_path("$dir/pages");
    copy($_, "$dir/pages") or die for glob "$state->{srcdir}/pages/*.html";
    write_file("$dir/pages/who.html", "ours\n");
    my $said = guide('upgrading.md', 'Pages and mails of your own', "$dir/own", status => { 'diff -ru /usr/share/mod_betterauth/pages /srv/www/auth-pages' => 1 },
        instead => { '/usr/share/mod_betterauth/pages' => "$state->{srcdir}/pages", '/srv/www/auth-pages' => "$dir/pages" });
    like($said, qr/^\+ours$/m, 'shows what differs');
    unlike($said, qr/sign-in\.html/, 'and nothing else');
};

subtest 'upgrading: another database' => sub {
    my $person = sign_up('guides-old');
    my $said = guide('upgrading.md', 'A new secret, another database', "$dir/moved", programs => { betterauthctl => either('export', beside('guides-old', $old), beside('guides-new', $new)) });
    like($said, qr/^removed users\.csv of mode 600$/m, 'nobody else could read the hashes');
    my $answer = sign_in('guides-new', $person->{email});
    is($answer->{status}, 200, 'users keep their passwords');
    is($answer->{json}{user}{id}, $person->{user}{id}, 'and ids');
    is(page('guides-new', $person->{cookie}), 401, 'sessions stay behind');
};

$_->stop for $old, $new;
done_testing;
