#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The other ways httpd runs requests: one process each (prefork), threads without event (worker).
use strict;
use warnings;
use BATest -own;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $db = private_mariadb('mpm');

for my $mpm (qw(prefork worker)) {
    for my $dialect (qw(mysql sqlite)) {
        subtest "$mpm, $dialect" => sub {
            my $site = "$mpm-$dialect";
            $db->create("mpm_$mpm", schema('mysql')) if $dialect eq 'mysql';
            my $httpd = private_httpd(name => $site, mpm => $mpm, cache => '# the default cache', $dialect eq 'mysql' ? (mariadb => $db, database => "mpm_$mpm") : ());
            my $user = sign_up($site);
            is(request($site, GET => '/api/auth/get-session', cookie => $user->{cookie})->{json}{user}{email}, $user->{email}, 'the session is one');
            my $in = post($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD });
            is($in->{status}, 200, 'sign-in');
            my $cookie = cookie_header($in);
            like(request($site, GET => '/members/page.html', cookie => $cookie)->{body}, qr/members page/, 'the guard lets in');
            is(request($site, GET => '/guarded/env', cookie => $cookie)->{json}{REMOTE_USER}, $user->{email}, 'a program is told who');
            is(request($site, GET => '/members/page.html')->{status}, 401, 'and keeps out');
            like(request($site, GET => '/auth/sign-in')->{body}, qr/<form.*<\/html>/s, 'the pages come whole');
            # more at a time than one process has connections or permits
            my @said = parallel(6, sub {
                my $up = post($site, '/sign-up/email', { name => 'x', email => "par$_[0]-" . new_email(), password => PASSWORD });
                my $page = request($site, GET => '/members/page.html', cookie => cookie_header($up));
                my $others = grep { (request($site, GET => '/api/auth/get-session', cookie => cookie_header($up))->{json}{user}{id} // '') ne $up->{json}{user}{id} } 1 .. 50;
                return "$up->{status} $page->{status} $others";
            });
            is_deeply(\@said, [('200 200 0') x 6], 'six at the same time, and nobody is taken for another');
            is(post($site, '/sign-out', {}, cookie => $cookie)->{status}, 200, 'sign-out');
            is(request($site, GET => '/members/page.html', cookie => $cookie)->{status}, 401, 'is known to every child at once') for 1 .. 4;
            is(request($site, GET => '/members/page.html', cookie => $user->{cookie})->{status}, 200, 'the other session of the same person goes on');

            my ($what) = grep { /LoadModule mpm_/ } do { open my $base, '<', "$httpd->{dir}/base.conf" or die; <$base> };
            like($what, qr/mpm_${mpm}_module/, "it was $mpm");
            is(semaphores($httpd), 1, 'one semaphore');
            $httpd->stop;
            is(semaphores($httpd), 0, 'no semaphore is left');
            my @lines = log_lines($httpd->error_log);
            is(scalar @lines, 0, 'the log knows no trouble') or diag @lines;
        };
    }
}

$db->stop;
done_testing;
