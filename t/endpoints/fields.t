#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# BetterAuthField: columns of the operator's own, on each database; and virtual hosts with other columns that share its connections.
use strict;
use warnings;
use utf8;
use BATest;
use BATest::Sites;

sub up { my ($site, %more) = @_; return post($site, '/sign-up/email', { name => 'x', email => new_email(), password => PASSWORD, company => 'Acme', %more }) }
sub session { my ($site, $who) = @_; return request($site, GET => '/api/auth/get-session', cookie => $who->{cookie})->{json} }
sub row { my ($site, $table, $columns, $where) = @_; my ($row) = sql($site, "SELECT $columns FROM $table WHERE $where"); return $row }
my ($TRUE, $FALSE) = (JSON::PP::true, JSON::PP::false);
my $user_keys = [sort qw(age beta birthday company createdAt email emailVerified id image name note plan updatedAt)];

for my $site ($ENV{BA_SITES} ? 'npm-parity-fields' : qw(fields fields-lite)) {
    subtest $site => sub {
        clean($site);
        my $date = '2001-02-03T04:05:06.789Z';
        my $ada = sign_up($site, email => 'ada@example.com', company => 'Zoë & Söhne', age => 42, beta => $TRUE, birthday => $date, secretNote => 'psst');

        subtest 'sign-up and get-session' => sub {
            is_deeply([sort keys %{ $ada->{user} }], $user_keys, 'keys of the user');
            is_deeply([@{ $ada->{user} }{qw(company age beta birthday plan note)}], ['Zoë & Söhne', 42, $TRUE, $date, 'free', undef], 'values, with their defaults');
            like($ada->{answer}{body}, qr/"age":42[,}]/, 'a number is one');
            like($ada->{answer}{body}, qr/"beta":true[,}]/, 'a boolean is one');
            unlike($ada->{answer}{body}, qr/"psst"|secretNote/, 'what is hidden is not shown');
            my $session = session($site, $ada);
            is_deeply($session->{user}, $ada->{user}, 'get-session says the same');
            is_deeply([@{ $session->{session} }{qw(theme level seen)}], ['light', 1, undef], 'the session has its own');
            is_deeply(row($site, 'user', 'secretNote, age, beta, plan', "id = '$ada->{user}{id}'"), ['psst', 42, 1, 'free'], 'the row');
            like(row($site, 'user', 'birthday', "id = '$ada->{user}{id}'")->[0], qr/^2001-02-03[ T]04:05:06\.789Z?$/, 'a date as the dialect has it');
            my $in = post($site, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD });
            is_deeply($in->{json}{user}, $ada->{user}, 'sign-in says the same');
        };

        subtest 'errors' => sub {
            my $users = user_count($site);
            error_is(post($site, '/sign-up/email', { name => 'x', email => new_email(), password => PASSWORD }), 400, 'MISSING_FIELD', 'company is required', 'a required one is missing');
            error_is(up($site, note => 'x'), 400, 'FIELD_NOT_ALLOWED', 'note is not allowed to be set', 'one that is read-only');
            is(up($site, plan => 'pro')->{json}{user}{plan}, 'free', 'read-only with a default: the default');
            error_is(post($site, '/update-user', { plan => 'pro' }, cookie => $ada->{cookie}), 400, 'FIELD_NOT_ALLOWED', 'plan is not allowed to be set', 'update-user');
            error_is(post($site, '/update-session', { level => 9 }, cookie => $ada->{cookie}), 400, 'FIELD_NOT_ALLOWED', 'level is not allowed to be set', 'update-session');
            error_is(post($site, '/update-session', { token => 'x', nothing => 1 }, cookie => $ada->{cookie}), 400, undef, 'No fields to update', 'update-session: columns of ours');
            error_is(post($site, '/update-user', { nothing => 1 }, cookie => $ada->{cookie}), 400, undef, 'No fields to update', 'update-user: nothing known');
            is(user_count($site), $users + 1, 'the one that was good is stored');
        };

        # npm looks at no type and leaves it to the database
        subtest 'types' => sub {
            my $users = user_count($site);
            my %bad = (company => [1, $TRUE, [], {}, "a\0b", 'x' x 2049], age => ['x', '', '0x10', '1 ', ' 1', '1e999', 'NaN', 'Infinity', $TRUE, [1], '--1', '01', '.5', '5.'], beta => ['yes', '', 1, 0, []],
                birthday => ['x', '', 0, 1234567890, '2001-13-01T00:00:00.000Z', '2001-02-03', $TRUE]);
            for my $name (sort keys %bad) {
                my $type = { company => 'string', age => 'number', beta => 'boolean', birthday => 'date' }->{$name};
                for my $value (@{ $bad{$name} }) {
                    my $text = JSON::PP->new->allow_nonref->encode($value);
                    my $answer = up($site, $name => $value);
                    is("$answer->{status} " . ($answer->{json}{message} // ''), "400 [body.$name] Invalid input: expected $type", "$name: " . substr $text, 0, 40);
                    $answer = post($site, '/update-user', { $name => $value }, cookie => $ada->{cookie});
                    is("$answer->{status} " . ($answer->{json}{code} // ''), '400 VALIDATION_ERROR', "$name: " . substr($text, 0, 40) . ', update-user');
                }
            }
            is(up($site, company => undef)->{json}{code}, 'MISSING_FIELD', 'null where a value is required');
            is(post($site, '/update-user', { company => undef }, cookie => $ada->{cookie})->{status}, 400, 'and not by an update either');
            is(user_count($site), $users, 'nobody is stored');
            is(up($site, age => '-1.5e1')->{json}{user}{age}, -15, 'text that is a number is one, since forms have nothing else');
            is(up($site, beta => 'true')->{json}{user}{beta}, $TRUE, 'and so is a boolean');
            if (dialect($site) eq 'mysql') {
                is(up($site, age => 99999999999)->{json}{code}, 'FAILED_TO_CREATE_USER', 'a number that the column cannot hold');
                is(post($site, '/update-user', { age => 99999999999 }, cookie => $ada->{cookie})->{json}{code}, 'VALIDATION_ERROR', 'likewise');
            }
        } if is_httpd($site);

        subtest 'update-user' => sub {
            my $answer = post($site, '/update-user', { age => undef, beta => $FALSE, company => q{'; DROP TABLE user; --}, birthday => '1999-12-31T23:59:59.999Z' }, cookie => $ada->{cookie});
            is("$answer->{status} $answer->{body}", '200 {"status":true}', 'is done');
            is_deeply([@{ session($site, $ada)->{user} }{qw(company age beta birthday plan)}], [q{'; DROP TABLE user; --}, undef, $FALSE, '1999-12-31T23:59:59.999Z', 'free'], 'and seen');
            is(post($site, '/update-user', { name => 'Ada' }, cookie => $ada->{cookie})->{status}, 200, 'a name alone');
            is_deeply([@{ session($site, $ada)->{user} }{qw(name company beta)}], ['Ada', q{'; DROP TABLE user; --}, $FALSE], 'leaves the rest alone');
            is(row($site, 'user', 'secretNote', "id = '$ada->{user}{id}'")->[0], 'psst', 'what is hidden stays too');
        };

        subtest 'update-session' => sub {
            my $other = post($site, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD });
            my $answer = post($site, '/update-session', { theme => 'dark', seen => '2020-01-02T03:04:05.006Z', userId => 'x' }, cookie => $ada->{cookie});
            json_is($answer, 200, 'is done') or diag $answer->{body};
            is_deeply($answer->{json}, { session => session($site, $ada)->{session} }, 'it answers the session, as get-session does');
            is_deeply([@{ $answer->{json}{session} }{qw(theme seen level userId)}], ['dark', '2020-01-02T03:04:05.006Z', 1, $ada->{user}{id}], 'with the new values');
            is_deeply(cookies($answer)->{''}, ['better-auth.session_token'], 'and sends the cookie again');
            is(row($site, 'session', 'theme', "token = '$other->{json}{token}'")->[0], 'light', 'another session is another');
            my $list = request($site, GET => '/api/auth/list-sessions', cookie => $ada->{cookie})->{json};
            is_deeply([sort map { $_->{theme} } @$list], ['dark', 'light', 'light'], 'list-sessions has them');
            is(post($site, '/update-session', { theme => 'x' })->{status}, 401, 'nobody');
        };

        subtest 'a page of the operator' => sub {
            my $form = request($site, POST => '/auth/sign-up', origin => ORIGIN, form => [name => 'x', email => 'page@example.com', password => PASSWORD, company => 'By form', age => '7', plan => 'pro', role => 'x']);
            is($form->{status}, 303, 'takes them from the form') or diag $form->{body};
            is_deeply(row($site, 'user', 'company_name, age, plan', "email = 'page\@example.com'"), ['By form', 7, 'free'], 'by the same rules');
            is(request($site, POST => '/auth/sign-up', origin => ORIGIN, form => [name => 'x', email => 'page2@example.com', password => PASSWORD])->{status}, 400, 'one that is required is missing');
        } if is_httpd($site);
    };
}

# The same rows and, by mod_dbd, the same connections: statements must not be mixed up.
subtest 'virtual hosts with other columns' => sub {
    clean('fields');
    my $ada = sign_up('fields', company => 'Acme', age => 42);
    for (1 .. 3) {
        is(session('fields', $ada)->{user}{company}, 'Acme', 'all columns');
        my $few = session('fields-few', $ada);
        is_deeply([sort keys %{ $few->{user} }], [sort qw(age createdAt email emailVerified id image name updatedAt)], 'one of them');
        is($few->{user}{age}, '42', 'as that host sees it');
        is_deeply([sort keys %{ session('fields-none', $ada)->{user} }], [sort qw(createdAt email emailVerified id image name updatedAt)], 'none');
        is(post('fields-none', '/sign-up/email', { name => 'x', email => new_email(), password => PASSWORD })->{status}, 200, 'sign-up without');
        is(post('fields-few', '/sign-up/email', { name => 'x', email => new_email(), password => PASSWORD, age => 'young' })->{json}{code}, 'FAILED_TO_CREATE_USER', 'a column that is another type there refuses');
    }
    is(post('fields-none', '/update-session', { theme => 'x' }, cookie => $ada->{cookie})->{json}{message}, 'No fields to update', 'update-session without columns');
} unless $ENV{BA_SITES};

subtest 'the configuration' => sub {
    for my $bad ('user', 'user x', 'user x text', 'account x string', 'user 1x string', 'user x-y string', 'user "x y" string', 'user é string', 'user ' . 'x' x 65 . ' string', 'user email string', 'user EMAIL string', 'user password string', 'session Token string',
        'session userid number', 'user x string column=id', 'user x string column=a`b', 'user x string "column=x, (SELECT 1)"', 'user x string optional', 'user x number default=y', 'user x boolean default=maybe', 'user x date default=now', 'user x string required readonly', 'session x string required') {
        my ($status, $output) = configtest("BetterAuthField $bad\n");
        ok($status && $output =~ /BetterAuthField (?:takes|needs)/, "BetterAuthField $bad") or diag $output;
    }
    my ($status, $output) = configtest("BetterAuthField user x string\nBetterAuthField user X number\n");
    ok($status && $output =~ /takes each name once/, 'a name twice') or diag $output;
    ($status, $output) = configtest(join '', map { "BetterAuthField user c$_ string\n" } 1 .. 17);
    ok($status && $output =~ /16 columns/, 'too many') or diag $output;
    ($status, $output) = configtest("BetterAuthField user x string required default=y hidden readonly column=z\nBetterAuthField session x date default=2020-01-01T00:00:00.000Z\n");
    is($status, 0, 'all at once') or diag $output;

    my $site = "TraceEnable off\nBetterAuthSecret @{[SECRET]}\nBetterAuthBaseURL http://a.test\nDBDriver sqlite3\nDBDParams @{[BATest::_site('fields-lite')->{file}]}\n<Location /api/auth>\nSetHandler betterauth\n</Location>\n";
    ($status, $output) = configtest("${site}BetterAuthField user nowhere string\n");
    like($output, qr/BA0127: the sqlite3 database lacks a column of BetterAuthField \(.*nowhere.*\)/, 'configtest names a column that is not there') or diag $output;
    ($status, $output) = configtest("${site}BetterAuthField user company string column=company_name\nBetterAuthField session theme string\n");
    unlike($output, qr/BA0127|BA0120/, 'and is content with those that are') or diag $output;
} unless $ENV{BA_SITES};

done_testing;
