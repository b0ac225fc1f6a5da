#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Fifty sign-ups of one address at the same moment make one user.
use strict;
use warnings;
use BATest;

each_site {
    my ($site) = @_;
    my @status = parallel(50, sub {
        my ($n) = @_;
        my $answer = post($site, '/sign-up/email', { name => "Number $n", email => $n % 2 ? 'one@example.com' : 'ONE@example.com', password => PASSWORD });
        return $answer ? "$answer->{status} " . ($answer->{json}{code} // '') : 'none';
    });
    my %count;
    $count{$_}++ for @status;
    is($count{'200 '} // 0, 1, 'one succeeds') or diag explain \%count;
    # Whoever loses the race at the index hears of it as npm says it there.
    is(($count{'422 USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL'} // 0) + ($count{'422 FAILED_TO_CREATE_USER'} // 0), 49, 'the others are refused')
        or diag explain \%count;
    is(user_count($site), 1, 'one user');
    is((sql($site, 'SELECT COUNT(*) FROM account'))[0][0], 1, 'one account');
    is(session_count($site), 1, 'one session');
};

done_testing;
